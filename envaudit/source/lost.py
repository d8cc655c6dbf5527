"""Files of distributions that may use what objects of other distributions have lost, and what they use.

Few files are parsed: those that take from a library what makes such objects, and in which a name that has to do with
them stands before one of the lost names.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_bytes
from envaudit.source.objects import Use, uses_of_tree
from envaudit.source.parse import SIZE_LIMIT, parse
from envaudit.source.removed import is_newer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from envaudit.model import Distribution
    from envaudit.source.candidates import Wanted
    from envaudit.source.methods import Members

# Libraries whose objects go from hand to hand, and lose methods; the user's own code is held against all tables.
_WATCHED = frozenset(("pandas", "sqlalchemy"))
_WORD = re.compile(rb"\w")
_NAMED = re.compile(rb"[A-Za-z_][\w.]*\Z")
# What a line binds or declares by what follows, or asks the class of.
_TIES = re.compile(
    rb"(?:([A-Za-z_]\w*)[ ]*(?:=[ ]*[\w.]*|:[ ]*[\w.\[\]| \"']*)|isinstance\([ ]*([\w.]+)[ ]*,[ (]*[\w., ]*)\Z"
)
# What an object keeps that was given to it.
_KEPT = re.compile(rb"self\.(\w+)[ ]*=[ ]*(\w+)(?:\.(\w+))?")
# What an object of a class is made of.
_HANDED = re.compile(rb"\b[A-Z]\w*\([ ]*([a-z_]\w*)")
# What imports a module by a name in quotes: under which name it is known is not seen here.
_IMPORTER = re.compile(rb"=[ ]*[\w.]*(?:import_module|import_optional_dependency)\(")
_MEMBER = re.compile(rb"\.([A-Za-z_]\w*\(?)")
_FAR = 400
_FLOOR = re.compile(r"\s*([\w.-]+)(?:\s*\[[^\]]*\])?\s*\(?[^;]*?(?:>=|==|~=)\s*(\d[\w.]*)")
_STATEMENTS = re.compile(rb"\n(?=[^\s#)\]}])")
_CLASS = re.compile(rb"class[ ]+(\w+)")


class FileUse(NamedTuple):
    """One use, with the file by its path below the site folder."""

    path: str
    use: Use


class LostFinder:
    """Finds, in the files of one distribution after the other, what objects of others have lost."""

    def __init__(self, members: Members, values: Mapping[str, Any]) -> None:
        """``values`` are those of ``names_of_target``."""
        self._members = members
        self._values = values
        self._tops = frozenset(top for top in members.tops if top in _WATCHED and members.rows(members.project_of(top)))
        self._makes: dict[str, Mapping[bytes, str]] = {}
        self._mattering: dict[tuple[str, bytes], bool] = {}

    def find(self, dist: Distribution, wanted: Wanted) -> Iterator[FileUse]:
        """Yield what the files of a distribution use in vain."""
        site_dir = dist.site_dir
        candidates = self._candidates(wanted, dist.top_level)
        floors = {_normal(name): floor for name, floor in _floors(dist.requires)} if candidates else {}
        for index, makers in sorted(candidates.items()):
            path = wanted.files[index]
            try:
                text = read_bytes(f"{site_dir}/{path}", SIZE_LIMIT)
                places = self._places(text, makers, floors)
                # Of few files all is parsed: those in which the part in question leads to something.
                if places and self._uses(_part(text, places), path, places):
                    yield from (FileUse(path, use) for use in self._uses(text, path, places))
            except ReadError:
                continue

    def is_of_interest(self, wanted: Wanted) -> bool:
        """Whether files name anything of a library whose objects have lost something."""
        groups = (wanted.imports, wanted.inner, wanted.attributes)
        return any(module.partition(".")[0] in self._tops for group in groups for module, _ in group)

    def _uses(self, text: bytes, path: str, places: Mapping[int, bytes]) -> list[Use]:
        names = frozenset(name.removesuffix(b"(").decode("ascii", "replace") for name in places.values())
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        is_package = path.endswith("/__init__.py")
        uses = uses_of_tree(parse(text), module, self._values, self._members, names, is_package=is_package)
        return [use for use in uses if not use.guarded]

    def _candidates(self, wanted: Wanted, tops: Collection[str]) -> dict[int, set[str]]:
        """Return the files that take a class with lost attributes, or what makes its objects, by full names."""
        found: dict[int, set[str]] = {}
        for group in (wanted.imports, wanted.inner, wanted.attributes):
            for (module, name), indexes in group.items():
                top = module.partition(".")[0]
                if top in self._tops and name and top not in tops and self._lost_by(top, f"{module}.{name}"):
                    for index in indexes:
                        found.setdefault(index, set()).add(f"{module}.{name}")
        return found

    def _lost_by(self, top: str, full: str) -> Mapping[bytes, str]:
        """Return what objects have lost that a call of a dotted name gives, or that are declared by it.

        Of functions only those of the top-level package are looked at: to find all would be to read whole libraries.
        """
        known = self._makes.get(full)
        if known is None:
            rows = self._members.rows(self._members.project_of(top))
            is_near = full.rpartition(".")[2] in rows or full.count(".") == 1
            made = self._members.classes.made_by(full) if is_near else None
            known = {name: since for each in made or () for name, since in self._members.lost_names(each).items()}
            self._makes[full] = known
        return known

    def _matters(self, full: str, name: bytes) -> bool:
        """Whether no class below one that has lost a name has it, or one of them has lost it as well."""
        key = (full, name)
        if key not in self._mattering:
            plain = name.removesuffix(b"(").decode("ascii", "replace")
            made = self._members.classes.made_by(full) or ()
            self._mattering[key] = any(self._members.is_lost_below(each, plain) for each in made)
        return self._mattering[key]

    # --- by the bytes of a file --------------------------------------------------------------------------------------

    def _places(self, text: bytes, makers: Collection[str], floors: Mapping[str, str]) -> dict[int, bytes]:
        """Return where lost names stand behind something that has to do with what has lost them.

        ``floors`` are the oldest releases of projects that the distribution works with: what these do not have any more
        it cannot use.
        """
        behind = frozenset(_MEMBER.findall(text))
        words: dict[bytes, frozenset[bytes]] = {}
        for full in makers:
            floor = floors.get(self._members.project_of(full.partition(".")[0]), "")
            lost = frozenset(
                name
                for name, since in self._makes[full].items()
                if name in behind and (not floor or is_newer(since, floor)) and self._matters(full, name)
            )
            if lost:
                word = full.rpartition(".")[2].encode()
                words[word] = words.get(word, frozenset()) | lost
        if not words:
            return {}
        tied = _tied(text, words)
        return {at: name for name in frozenset().union(*words.values()) for at in _stands(text, name, words, tied)}


def _floors(requires: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the distributions that are required with the oldest release that will do, those of extras included."""
    for written in requires:
        found = _FLOOR.match(written)
        if found is not None:
            yield found[1], found[2]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# Names with the functions in which they are tied, and what is lost there.
_Tied = dict[tuple[bytes, int], frozenset[bytes]]


def _scope(text: bytes, at: int) -> int:
    """Return where the function around a place begins, 0 for a line at module level."""
    start = text.rfind(b"\n", 0, at) + 1
    return (
        0 if text[start : start + 1].isalpha() and not text.startswith(b"def ", start) else text.rfind(b"def ", 0, at)
    )


def _tied(text: bytes, words: Mapping[bytes, frozenset[bytes]]) -> _Tied:
    """Return names that a line binds to what a word makes, declares by it, or asks about, with what that has lost."""
    tied: _Tied = {}
    asked: set[bytes] = set()
    for word, lost in words.items():
        at = text.find(word)
        while at >= 0:
            found = _TIES.search(text, text.rfind(b"\n", 0, at) + 1, at)
            for name in found.groups() if found is not None else ():
                if name:
                    key = (name, _scope(text, at))
                    tied[key] = tied.get(key, frozenset()) | lost
            if found is not None and found[2] is not None:
                asked.add(found[2])
            at = text.find(word, at + 1)
    is_asked = _IMPORTER.search(text) is not None or (bool(asked) and not asked.isdisjoint(_HANDED.findall(text)))
    every = frozenset().union(*words.values())
    names = {name for name, _ in tied}
    for found in _KEPT.finditer(text):
        if is_asked or found[2] in names or found[2] in words or found[3] in words:
            tied[b"self." + found[1], 0] = every
    return tied


def _stands(text: bytes, name: bytes, words: Mapping[bytes, frozenset[bytes]], tied: _Tied) -> Iterator[int]:
    """Yield where a lost name stands behind the dot of a tied name, or of a call of a word or on a tied name."""
    at = text.find(b"." + name)
    while at >= 0:
        line = text[text.rfind(b"\n", 0, at) + 1 : at]
        is_code = b"#" not in line and b">>>" not in line
        if is_code and (name.endswith(b"(") or not _WORD.match(text, at + len(name) + 1)):
            before = text[max(at - _FAR, 0) : at].rstrip()
            is_call = before.endswith(b")")
            found = _NAMED.search(before) if not is_call else None
            written = _callee(before) if is_call else found[0] if found is not None else b""
            parts = written.split(b".")
            first = b".".join(parts[: 2 if parts[0] == b"self" else 1])
            known = tied.get((first, 0), frozenset()) | tied.get((first, _scope(text, at)), frozenset())
            if name in known or (is_call and name in words.get(parts[-1], ())):
                yield at
        at = text.find(b"." + name, at + 1)


def _part(text: bytes, places: Collection[int]) -> bytes:
    """Return a text with empty lines for the functions and classes at module level that have to do with no place."""
    starts = [0, *(match.end() for match in _STATEMENTS.finditer(text)), len(text)]
    blocks = [text[start:end] for start, end in itertools.pairwise(starts)]
    chosen = {bisect_right(starts, place) - 1 for place in places}
    classes = [found[1] + b"(" for number in chosen if (found := _CLASS.match(blocks[number])) is not None]
    return b"".join(
        block
        if number in chosen or not block.startswith((b"def ", b"class ", b"async def ", b"@"))
        else block
        if any(name in block for name in classes)
        else b"\n" * block.count(b"\n")
        for number, block in enumerate(blocks)
    )


def _callee(text: bytes) -> bytes:
    """Return the name of what is called by the brackets at the end of a text."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == 41) - (text[at] == 40)
        if not depth:
            found = _NAMED.search(text[:at].rstrip())
            return found[0] if found is not None else b""
    return b""
