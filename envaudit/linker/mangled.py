"""A reader of C++ names as compilers write them into symbol tables.

A part of the Itanium C++ ABI (section 5.1, "External Names"): nested and templated names, constructors, operators,
substitutions, the types of parameters. Lambdas, expressions, pointers to members are not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH_LIMIT = 64
_BUILTIN = {
    "v": "void",
    "w": "wchar_t",
    "b": "bool",
    "c": "char",
    "a": "signed char",
    "h": "unsigned char",
    "s": "short",
    "t": "unsigned short",
    "i": "int",
    "j": "unsigned int",
    "l": "long",
    "m": "unsigned long",
    "x": "long long",
    "y": "unsigned long long",
    "n": "__int128",
    "o": "unsigned __int128",
    "f": "float",
    "d": "double",
    "e": "long double",
    "g": "__float128",
    "z": "...",
}
_STANDARD = {
    "St": "std",
    "Sa": "std::allocator",
    "Sb": "std::basic_string",
    "Ss": "std::string",
    "Si": "std::istream",
    "So": "std::ostream",
    "Sd": "std::iostream",
}
_OPERATORS = dict(
    pair.split(" ")
    for pair in (
        "nw new",
        "na new[]",
        "dl delete",
        "da delete[]",
        "ps +",
        "ng -",
        "ad &",
        "de *",
        "co ~",
        "pl +",
        "mi -",
        "ml *",
        "dv /",
        "rm %",
        "an &",
        "or |",
        "eo ^",
        "aS =",
        "pL +=",
        "mI -=",
        "mL *=",
        "dV /=",
        "rM %=",
        "aN &=",
        "oR |=",
        "eO ^=",
        "ls <<",
        "rs >>",
        "lS <<=",
        "rS >>=",
        "eq ==",
        "ne !=",
        "lt <",
        "gt >",
        "le <=",
        "ge >=",
        "ss <=>",
        "nt !",
        "aa &&",
        "oo ||",
        "pp ++",
        "mm --",
        "pm ->*",
        "pt ->",
        "cl ()",
        "ix []",
        "cm ,",
    )
)
_SPECIAL = {"TV": "vtable for ", "TI": "typeinfo for ", "TS": "typeinfo name for ", "TT": "VTT for "}
_AFTER = {"P": "*", "R": "&", "O": "&&", "K": " const", "V": " volatile", "r": " restrict"}


class UnknownFormError(Exception):
    """A part of the grammar that is not read."""


def read_name(name: str) -> tuple[str, bool]:
    """Return the readable form of a name that begins with ``_Z``, and whether it speaks of the old ``std::string``.

    Raises ``UnknownFormError`` when it is beyond what is read.
    """
    reader = _Reader(name.removeprefix("_Z"))
    try:
        return reader.whole(), reader.old_string
    except (IndexError, ValueError, RecursionError) as error:
        raise UnknownFormError from error


class _Reader:
    """Reads one mangled name from left to right; each substitution is remembered as the ABI counts them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._seen: list[str] = []
        self._arguments: list[str] = []
        self._is_template = False
        self._no_result = False  # constructors and conversions have none even when they are templates
        self.old_string = False

    def whole(self) -> str:
        special = _SPECIAL.get(self._text[:2])
        if special:
            self._at = 2
            text = special + self._type()
            if self._at < len(self._text):
                raise UnknownFormError
            return text
        if self._take("GV"):
            return f"guard variable for {self._name()[0]}"
        name, qualifiers = self._name()
        if self._at == len(self._text):
            return name
        if self._text[self._at] in ".@":  # a clone made by the optimiser
            return name
        result = f"{self._type()} " if self._is_template and not self._no_result else ""
        parameters = []
        while self._at < len(self._text):
            parameters.append(self._type())
        if parameters == ["void"]:
            parameters = []
        return f"{result}{name}({', '.join(parameters)}){qualifiers}"

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _name(self) -> tuple[str, str]:
        """Read a name that is defined: return it and the qualifiers of the member function."""
        if self._take("N"):
            return self._nested()
        if self._take("St"):
            name = "std::" + self._part("")
        elif self._text.startswith("S", self._at):
            name = self._substitution()
        else:
            name = self._part("")
        self._is_template = False
        if self._text.startswith("I", self._at):
            self._seen.append(name)
            name += self._template_arguments()
            self._is_template = True
        return name, ""

    def _nested(self) -> tuple[str, str]:
        qualifiers = ""
        while self._text[self._at] in "rVKRO":
            sign = self._text[self._at]
            qualifiers += " &" if sign == "R" else " &&" if sign == "O" else _AFTER[sign]
            self._at += 1
        scope, last = "", ""
        self._is_template = self._no_result = False
        while not self._take("E"):
            if self._text.startswith("I", self._at):
                scope += self._template_arguments()
                self._is_template = True
                self._remember(scope)
                continue
            if self._text.startswith("S", self._at) and not scope:
                scope = self._substitution()
                last = scope.rpartition("::")[2]
                continue
            if self._text.startswith("T", self._at) and not scope:
                scope = self._type()
                continue
            self._is_template = False
            part = self._part(last)
            last = part.partition("[abi:")[0]
            scope = f"{scope}::{part}" if scope else part
            self._remember(scope)
        return scope, qualifiers

    def _remember(self, scope: str) -> None:
        """Remember a prefix; the complete name is no candidate for later substitutions."""
        if not self._text.startswith("E", self._at):
            self._seen.append(scope)

    def _part(self, last: str) -> str:
        """Read one unqualified name; ``last`` is the name of the class, for constructors and destructors."""
        text = self._text
        self._no_result = False
        if text[self._at].isdigit():
            name = self._source_name()
        elif text[self._at] in "CD" and text[self._at + 1] in "012345" and last:
            name = ("~" if text[self._at] == "D" else "") + last.partition("<")[0]
            self._at += 2
            self._no_result = True
        elif self._take("L"):
            name = self._source_name()
        elif self._take("cv"):
            name = f"operator {self._type()}"
            self._no_result = True
        elif text[self._at : self._at + 2] in _OPERATORS:
            sign = _OPERATORS[text[self._at : self._at + 2]]
            self._at += 2
            name = f"operator {sign}" if sign[0].isalpha() else f"operator{sign}"
        else:
            raise UnknownFormError
        while self._take("B"):
            name += f"[abi:{self._source_name()}]"
        return name

    def _source_name(self) -> str:
        match = re.compile(r"\d{1,4}").match(self._text, self._at)
        if match is None:
            raise UnknownFormError
        start = match.end()
        self._at = start + int(match[0])
        name = self._text[start : self._at]
        if len(name) < int(match[0]):
            raise UnknownFormError
        return "(anonymous namespace)" if name.startswith("_GLOBAL__N") else name

    def _index(self, table: list[str]) -> str:
        """Read ``_``, ``0_``, ``1_`` ... as the first, second, third entry."""
        match = re.compile(r"([0-9A-Z]{0,3})_").match(self._text, self._at)
        if match is None:
            raise UnknownFormError
        self._at = match.end()
        return table[int(match[1], 36) + 1 if match[1] else 0]

    def _substitution(self) -> str:
        standard = self._text[self._at : self._at + 2]
        if standard in _STANDARD:
            self._at += 2
            self.old_string |= standard == "Ss"
            return _STANDARD[standard]
        self._at += 1
        return self._index(self._seen)

    def _template_arguments(self) -> str:
        self._at += 1
        arguments: list[str] = []
        while not self._take("E"):
            arguments.append(self._argument())
        if not self._depth:  # those of the name itself, which parameters refer to, not those of their types
            self._arguments = arguments
        text = ", ".join(argument for argument in arguments if argument)
        return f"<{text}{' ' if text.endswith('>') else ''}>"

    def _argument(self) -> str:
        if self._take("J"):
            pack: list[str] = []
            while not self._take("E"):
                pack.append(self._argument())
            return ", ".join(pack)
        if self._take("L"):
            kind = self._type()
            end = self._text.index("E", self._at)
            value = self._text[self._at : end].replace("n", "-")
            self._at = end + 1
            if kind == "bool":
                return {"0": "false", "1": "true"}.get(value, value)
            suffix = {"int": "", "unsigned int": "u", "long": "l", "unsigned long": "ul"}.get(kind)
            return f"({kind}){value}" if suffix is None else value + suffix
        return self._type()

    def _type(self) -> str:
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise UnknownFormError
        text, remembered = self._read_type()
        if remembered:
            self._seen.append(text)
        self._depth -= 1
        return text

    def _read_type(self) -> tuple[str, bool]:
        """Return a type, and whether later ones can refer to it."""
        sign = self._text[self._at]
        if sign in _BUILTIN:
            self._at += 1
            return _BUILTIN[sign], False
        if sign in _AFTER:
            self._at += 1
            return self._compound(sign), True
        readers: dict[str, Callable[[], tuple[str, bool]]] = {
            "S": self._substituted_type,
            "T": self._parameter,
            "D": self._later_builtin,
            "F": self._function,
        }
        if sign in readers:
            return readers[sign]()
        if sign == "N" or sign.isdigit():
            state = self._is_template, self._no_result
            name, qualifiers = self._name()
            self._is_template, self._no_result = state
            if qualifiers:
                raise UnknownFormError
            return name, True
        raise UnknownFormError

    def _compound(self, sign: str) -> str:
        inner = self._type()
        if inner.endswith(")"):
            raise UnknownFormError  # a pointer to a function is written around its name
        if sign in "RO" and inner.endswith("&"):
            return inner if inner.endswith("&&") and sign == "O" else inner.rstrip("&") + "&"
        return inner + _AFTER[sign]

    def _substituted_type(self) -> tuple[str, bool]:
        if self._text.startswith("St", self._at):
            state = self._is_template, self._no_result
            name = self._name()[0]
            self._is_template, self._no_result = state
            return name, True
        name = self._substitution()
        if self._text.startswith("I", self._at):
            return name + self._template_arguments(), True
        return name, False

    def _parameter(self) -> tuple[str, bool]:
        self._at += 1
        return self._index(self._arguments), True

    def _later_builtin(self) -> tuple[str, bool]:
        names = {"Dn": "decltype(nullptr)", "Di": "char32_t", "Ds": "char16_t", "Du": "char8_t", "Da": "auto"}
        name = names.get(self._text[self._at : self._at + 2])
        if name is not None:
            self._at += 2
            return name, False
        raise UnknownFormError

    def _function(self) -> tuple[str, bool]:
        self._at += 1
        result = self._type()
        parameters = []
        while not self._take("E"):
            parameters.append(self._type())
        return f"{result} ({', '.join(part for part in parameters if part != 'void')})", True
