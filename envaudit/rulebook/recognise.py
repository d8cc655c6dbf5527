"""From the text of an error back to its cause: the rules and codes whose signature stands in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.rulebook.error_text import BEGINNING, cleaned, packages_in, passages, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.rulebook.error_text import Passage
    from envaudit.rulebook.rule import Rule


class Recognised(NamedTuple):
    """One cause that a text shows: a rule, or a code when ``rule`` is ``None``; and the line that shows it.

    It is not ``sure`` when a rule's message is there, but the beginning of the traceback is not, and with it the
    package that the rule speaks of.
    """

    code: str
    rule: Rule | None
    number: int
    line: str
    packages: tuple[str, ...]
    sure: bool = True


class ErrorText(NamedTuple):
    """What was understood of a text: the causes, the likeliest first, the last error line, and the packages named."""

    causes: tuple[Recognised, ...]
    last: str
    packages: tuple[str, ...]


# What each code looks like to a user, the particular before the general: the first that fits a passage is its code.
# The wording is that of NumPy, CPython, glibc, musl and the compilers' run-time libraries.
CODE_SIGNATURES: tuple[tuple[str, str], ...] = (
    ("ABI001", r"numpy\.dtype size changed, may indicate binary incompatibility\. Expected 96 from C header, got 88"),
    ("ABI004", r"numpy\.\w+ size changed, may indicate binary incompatibility"),
    ("ABI001", r"A module that was compiled using NumPy 1\.x cannot be run in\s+NumPy 2"),
    ("ABI001", r"module compiled against ABI version 0x1\w+ but this version of numpy is 0x2"),
    ("ABI003", r"module (?:was )?compiled against (?:API version|NumPy C-API version) 0x"),
    ("ABI001", r"_ARRAY_API not found|numpy\.core\.(?:multiarray|umath) failed to import"),
    # onnxruntime loses NumPy's message: what is left is an ImportError without a word.
    ("ABI001", r"from \.onnxruntime_pybind11_state import \*[^\n]*\n(?:[ ^~]*\n)?ImportError\s*$"),
    ("ABI003", r"numpy\._core\.(?:multiarray|umath) failed to import"),
    ("ABI001", r"Unable to convert function return value to a Python type! The signature was\s+\(\) -> handle"),
    (
        "PLT003",
        r"No module named '(?:numpy\.(?:_core|core)\._multiarray_umath)'|Error importing numpy: you should not try",
    ),
    ("PLT003", r"numpy C-extensions failed|C extension: .{1,80} not built"),
    ("PLT004", r"wrong ELF class|cannot open shared object file: Exec format error|incompatible architecture"),
    ("LNK007", r"file too short|invalid ELF header|ELF load command past end of file|ELF file's phentsize"),
    ("LNK006", r"cannot enable executable stack|cannot allocate memory in static TLS block|not page-aligned"),
    ("LNK002", r"version `[^'\n]+' not found \(required by"),
    ("LNK004", r"undefined symbol: _?Py[A-Z_]|symbol not found in flat namespace '_Py"),
    ("LNK003", r"undefined symbol: |Symbol not found: |symbol not found in flat namespace"),
    ("LNK001", r"cannot open shared object file: No such file|Library not loaded: |DLL load failed while importing"),
    ("LNK001", r"Error loading shared library [^\n]+: No such file"),
    ("LNK005", r"OMP: Error #15"),
    ("LNK008", r"generic_type: type .{1,200} is already registered|incompatible pybind11"),
    (
        "API010",
        r"Descriptors cannot (?:not )?be created directly|Detected (?:incompatible|mismatched) Protobuf Gencode",
    ),
    ("API010", r"cannot import name '(?:runtime_version|builder)' from 'google\.protobuf"),
    (
        "DEP002",
        r"VersionConflict: |requires? [\w.-]+ ?[<>=!~]=? ?[\d.]+[^\n]{0,60}(?:you have|but|found)|needs NumPy \d",
    ),
    ("DEP002", r"requires at least version [\d.]+ of \w+"),
    ("DEP001", r"DistributionNotFound: |PackageNotFoundError: |[Mm]issing optional dependency '"),
    (
        "PLT001",
        r"requires a different Python|is not supported between Python|SyntaxError: .{0,200}(?:Python 2|f-string)",
    ),
    ("INS001", r"partially initialized module '[\w.]+' has no attribute|PYTHONHOME|init_fs_encoding"),
    ("API001", r"cannot import name '[^'\n]+' from (?!partially)'|No module named '(?:[\w]+\.)+\w+'"),
    ("INS001", r"cannot import name '[^'\n]+' from partially initialized module"),
    ("DEP001", r"ModuleNotFoundError: No module named|No module named '?\w+'?$"),
    ("API001", r"module '[\w.]+' has no attribute '|`np\.\w+` was (?:removed|a deprecated alias)"),
    ("API002", r"TypeError: [\w.]+\(\) (?:got an unexpected keyword argument|missing \d+ required|takes )"),
    (
        "API002",
        r"AttributeError: '[\w.]+' object has no attribute '|Unable to avoid copy while creating an array as req",
    ),
    ("RUN005", r"Illegal instruction|SIGILL|[Ee]xit(?:ed)? (?:with )?(?:code|status):? (?:132|-4)\b"),
    ("RUN007", r"MemoryError\b|Unable to allocate [\d.]+ [KMGTPE]iB|Out of memory|oom-?kill|std::bad_alloc"),
    ("RUN007", r"^\S*\s*Killed\b|[Ee]xit(?:ed)? (?:with )?(?:code|status):? (?:137|-9)\b|signal 9 \(SIGKILL\)"),
    ("RUN003", r"Segmentation fault|SIGSEGV|Bus error|SIGBUS|access violation|0xC0000005"),
    ("RUN003", r"[Ee]xit(?:ed)? (?:with )?(?:code|status):? (?:139|135|-11|-7)\b"),
    (
        "RUN004",
        r"\bAborted\b|SIGABRT|munmap_chunk\(\)|(?:free|malloc|realloc)\(\): |double free|Floating point exception",
    ),
    ("RUN004", r"[Ee]xit(?:ed)? (?:with )?(?:code|status):? (?:134|136|-6|-8)\b|terminate called after throwing"),
)
_COMPILED = tuple((code, re.compile(pattern, re.MULTILINE)) for code, pattern in CODE_SIGNATURES)
_WHOLE = 64 * 1024  # characters: a text this short is also searched as one passage


def recognise(text: str, rules: Iterable[Rule]) -> ErrorText:
    """Return the causes that a text shows: sure rules, then codes, then what is likely; of each, the last one first.

    A rule whose message is there is likely when the text does not go back to the beginning of the traceback.
    """
    lines = cleaned(text)
    found = passages(lines)
    if not found and len(text) <= _WHOLE:
        found = [whole(lines)]
    known = [rule for rule in rules if rule.signatures]
    causes: dict[str, Recognised] = {}
    for passage in found:
        for cause in _causes_of(passage, known):
            if cause.code not in causes or (cause.sure and not causes[cause.code].sure):
                causes[cause.code] = cause
    ordered = sorted(causes.values(), key=lambda cause: (not cause.sure, cause.rule is None, -cause.number))
    telling = next((passage for passage in found if ordered and passage.number == ordered[0].number), None)
    shown = telling or (found[0] if found else None)
    packages = packages_in(shown.text) if shown else ()
    last = shown.line if shown else ""
    return ErrorText(tuple(_without_the_general(ordered)), last, packages)


def _causes_of(passage: Passage, rules: Iterable[Rule]) -> Iterator[Recognised]:
    """Yield the rules of a passage, the one that speaks of the packages in it first, then the code that fits best."""
    packages = packages_in(passage.text)
    cut = BEGINNING not in passage.text
    for rule in sorted(rules, key=lambda rule: _strange(rule, packages)):
        sure = rule.recognises(passage.text)
        if sure or (cut and any(signature.fits_message(passage.text) for signature in rule.signatures)):
            yield Recognised(rule.id, rule, passage.number, passage.line, packages, sure)
    for code, pattern in _COMPILED:
        if pattern.search(passage.text):
            yield Recognised(code, None, passage.number, passage.line, packages)
            return


def _strange(rule: Rule, packages: Sequence[str]) -> int:
    """Count the distributions of a rule of which no file stands in the passage."""
    seen = {package.lower().replace("_", "-") for package in packages}
    return sum(condition.name not in seen for condition in rule.match.all)


def _without_the_general(causes: Sequence[Recognised]) -> Iterator[Recognised]:
    """Leave out a code of a line that a rule surely explains: it says less of the same."""
    explained = {cause.number for cause in causes if cause.rule is not None and cause.sure}
    for cause in causes:
        if cause.rule is not None or cause.number not in explained:
            yield cause
