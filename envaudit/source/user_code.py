"""Link the user's own files against the environment: what they import and use of it that is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.model import Gap
from envaudit.model_code import CodeNeed, CodePlace, Removal
from envaudit.source.candidates import LEFT_OUT
from envaudit.source.methods import Members
from envaudit.source.modules import Modules
from envaudit.source.needs import Form, Need, Needs, needs_of_tree
from envaudit.source.notebook import shown
from envaudit.source.objects import Use, uses_of_tree
from envaudit.source.owners import Owners
from envaudit.source.parse import parse
from envaudit.source.removed import STANDARD_LIBRARY, Removed, removed
from envaudit.source.stdlib import STANDARD
from envaudit.source.user_files import OwnModules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Distribution, Target
    from envaudit.source.user_files import UserFile, UserFiles

# A file that does this imports from places that only a run knows.
_CHANGES_PATH = re.compile(rb"sys\.path\b|addsitedir|sys\.meta_path|sys\.modules")
# What a notebook's host brings along, or the program that runs it.
_OF_THE_HOST = frozenset(("google", "IPython", "ipykernel", "dbutils", "pyodide", "js", "micropip", "kaggle_secrets"))


class CodeFacts(NamedTuple):
    """What was found in the user's files, and what could not be looked at."""

    needs: tuple[CodeNeed, ...]
    gaps: tuple[Gap, ...]


class _Read(NamedTuple):
    """A file with what it needs of modules, and what it asks of objects that have lost it."""

    file: UserFile
    needs: Needs
    uses: tuple[Use, ...]


class _Found(NamedTuple):
    kind: str
    name: str
    provider: str
    removal: Removal | None
    member: bool = False


def link_user_code(target: Target, visible: Sequence[Distribution], given: UserFiles) -> CodeFacts:
    """Return every name that the files ask of the environment and that it does not have."""
    linker = _Linker(target, visible, given)
    return CodeFacts(tuple(linker.run()), (*given.gaps, *linker.gaps))


class _Linker:
    """One run over all files; what modules have is looked up once."""

    def __init__(self, target: Target, visible: Sequence[Distribution], given: UserFiles) -> None:
        self.gaps: list[Gap] = []
        self._modules = Modules(target, hooks=any(dist.editable_path for dist in visible))
        self._values = {**self._modules.values, "__name__": "__main__"}
        self._python = target.python
        self._versions = {str(dist.key): dist.version for dist in visible}
        self._members = Members(self._modules, self._versions, target.python)
        self._owners = Owners(visible, target.python)
        self._files = given.files
        self._own = OwnModules(given.names)
        self._known: dict[tuple[str, str, Form], _Found | None] = {}

    def run(self) -> Iterator[CodeNeed]:
        """Yield what each file asks for in vain, by what all of them give to modules of others."""
        read = [one for file in self._files if (one := self._read(file)) is not None]
        patched = frozenset(name for one in read for name in one.needs.patched)
        for file, needs, uses in read:
            yield from self._link(file, needs, patched)
            yield from self._link_objects(file, uses, patched)

    def _read(self, file: UserFile) -> _Read | None:
        if file.notebook is not None:
            for cell, why in file.notebook.broken:
                self.gaps.append(Gap("API", f"{file.path}, code cell {cell.number}", why))
        try:
            tree = parse(file.text)
            needs = needs_of_tree(tree, "", self._values)
            tops = {need.module.partition(".")[0] for need in needs.needs}
            projects = {self._members.project_of(top) for top in tops if not self._own.has(file, top)} - {""}
            lost = self._members.names_lost(projects)
        except ReadError as error:
            self.gaps.append(Gap("API", file.path, str(error)))
            return None
        try:
            return _Read(file, needs, uses_of_tree(tree, "", self._values, self._members, lost) if lost else ())
        except ReadError as error:
            self.gaps.append(Gap("API", file.path, f"objects were not followed: {error}"))
            return _Read(file, needs, ())

    def _link_objects(self, file: UserFile, uses: Iterable[Use], patched: Iterable[str]) -> Iterator[CodeNeed]:
        """Yield what one file asks of objects that have lost it, each name once with all its places."""
        found: dict[str, list[Use]] = {}
        for use in uses:
            short = f"{use.lost.owner.rpartition('.')[2]}.{use.lost.name}"
            if not use.guarded and not any(f".{name}".endswith(f".{short}") for name in patched):
                found.setdefault(f"{use.lost.owner}.{use.lost.name}", []).append(use)
        for name, of_name in found.items():
            of_name.sort(key=lambda use: (not use.at_import, use.line))
            first = of_name[0]
            yield CodeNeed(
                file.path,
                self._inside(file),
                "name",
                name,
                "member",
                first.at_import,
                tuple(dict.fromkeys(_place(file, use.line) for use in of_name)),
                first.lost.project,
                self._is_beside(file),
                member=True,
                removal=_removal(first.lost.known),
            )

    @staticmethod
    def _inside(file: UserFile) -> str:
        return file.path[len(file.base) :].lstrip("/")

    def _is_beside(self, file: UserFile) -> bool:
        return not file.named and LEFT_OUT.search(self._inside(file)) is not None

    def _link(self, file: UserFile, needs: Needs, patched: frozenset[str]) -> Iterator[CodeNeed]:
        """Yield what one file asks for in vain, each name once with all its places, the most certain first."""
        found: dict[_Found, list[Need]] = {}
        for need in needs.needs:
            missing = self._missing(file, need, patched)
            if missing is not None:
                found.setdefault(missing, []).append(need)
        for missing, wanted in found.items():
            wanted.sort(key=lambda need: (not need.at_import, need.line))
            yield CodeNeed(
                file.path,
                self._inside(file),
                missing.kind,
                missing.name,
                wanted[0].form.value,
                wanted[0].at_import,
                tuple(dict.fromkeys(_place(file, need.line) for need in wanted)),
                missing.provider,
                self._is_beside(file),
                missing.member,
                missing.removal,
            )

    def _missing(self, file: UserFile, need: Need, patched: Iterable[str]) -> _Found | None:
        top = need.module.partition(".")[0]
        if not top or top == "__future__" or need.name == "*":
            return None
        own = self._own.has(file, top)
        if own or (own is None and self._modules.has_module(top) is not True):
            return None
        key = (need.module, need.name, need.form)
        if key not in self._known:
            self._known[key] = self._look_up(need)
        found = self._known[key]
        if found is None or need.guarded(module_missing=found.kind != "name"):
            return None
        if any(found.name == name or found.name.startswith(f"{name}.") for name in patched):
            return None
        if found.kind == "top" and found.removal is None and self._comes_from_elsewhere(file, top):
            return None
        return found

    def _comes_from_elsewhere(self, file: UserFile, top: str) -> bool:
        """Whether a module may be there when the file runs although the environment has it not."""
        if file.notebook is not None and (file.notebook.installs or top in _OF_THE_HOST):
            return True
        return _CHANGES_PATH.search(file.text) is not None

    # --- what is there -----------------------------------------------------------------------------------------------

    def _look_up(self, need: Need) -> _Found | None:
        if self._modules.has_module(need.module) is False:
            return None if need.form is Form.ATTRIBUTE else self._absent(need.module)
        full = f"{need.module}.{need.name}" if need.name else need.module
        provider = self._owners.of(need.module, self._modules)
        known = self._removed(provider, full)
        if known is not None and len(known.name) <= len(need.module):
            known = None  # the module is there: another distribution has brought it back
        if not need.name:
            return None
        if known is not None and known.member:
            has = None  # what a class has cannot be read
        elif need.form is Form.ATTRIBUTE:
            has = self._modules.resolve(need.module, need.name)
        else:
            has = self._modules.has_name(need.module, need.name)
        if has or (has is None and known is None):
            return None
        if known is not None:
            return _Found("name", known.name, provider, _removal(known), known.member)
        dist = self._owners.dist_of(need.module, self._modules)
        if self._owners.makes_at_run_time(need.module, need.name.rpartition(".")[2], dist, self._modules):
            return None
        return _Found("name", full, provider, None)

    def _absent(self, module: str) -> _Found | None:
        """Say which module on the way to one that is missing is the first that is not there."""
        parts = module.split(".")
        names = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        absent = next((name for name in names if self._modules.has_module(name) is False), module)
        top = absent.partition(".")[0]
        provider = self._owners.of(module, self._modules)
        dist = self._owners.dist_of(module, self._modules)
        if dist is not None and self._owners.makes_at_run_time(module, absent.rpartition(".")[2], dist, self._modules):
            return None
        if absent == top:
            known = removed(STANDARD_LIBRARY, self._python, top) if top in STANDARD else None
            return _Found("top", top, STANDARD_LIBRARY if known else "", _removal(known))
        return _Found("module", absent, provider, _removal(self._removed(provider, absent)))

    def _removed(self, provider: str, full: str) -> Removed | None:
        if provider == STANDARD_LIBRARY:
            return removed(STANDARD_LIBRARY, self._python, full)
        return removed(provider, self._versions.get(provider, ""), full) if provider else None


def _removal(known: Removed | None) -> Removal | None:
    if known is None:
        return None
    return Removal(known.last_with, known.first_without, known.instead, known.sure)


def _place(file: UserFile, line: int) -> CodePlace:
    if file.notebook is None:
        return CodePlace(line)
    cell, inner = file.notebook.place(line)
    in_file = cell.file_line + inner - 1 if cell.file_line is not None else None
    return CodePlace(in_file, shown(cell, inner))
