"""The links of a target as a tree of text, in the manner of ``lddtree``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.report.plain import number, plain, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution, Facts, LinkedFile, Resolved

_STEP = "    "
_DEPTH_LIMIT = 16


def text(facts: Facts, owner: str = "") -> str:
    """Return one paragraph for each distribution with compiled files; all modules of the one that ``owner`` names."""
    view = _View(facts)
    lines: list[str] = []
    for info_path, files in view.by_owner.items():
        if owner in {"", info_path}:
            lines += [view.heading(info_path, files)]
            lines += view.tree(files) if owner else view.summary(info_path, files)
            lines.append("")
    if not lines:
        lines = ["no compiled files that this Python loads", ""]
    lines += [f"not checked: {shown_path(gap.what, '')}: {plain(gap.why)}" for gap in facts.gaps if gap.code == "LNK"]
    return "\n".join(lines).rstrip("\n") + "\n"


class _View:
    """The linked files by distribution and by path."""

    def __init__(self, facts: Facts) -> None:
        self._owners = {dist.info_path: dist for dist in facts.distributions}
        self._sites = tuple(site.path for site in facts.target.site_dirs)
        self._by_path = {f"{file.site_dir}/{file.path}": file for file in facts.links}
        self.by_owner: dict[str, list[LinkedFile]] = {}
        for file in sorted(facts.links, key=lambda each: (self._title(each.owner).lower(), each.path)):
            self.by_owner.setdefault(file.owner, []).append(file)

    def heading(self, owner: str, files: list[LinkedFile]) -> str:
        """Return ``h5py 3.11.0: 24 modules, 6 libraries``."""
        modules = sum(file.is_module for file in files)
        libraries = len(files) - modules
        parts = [number(modules, "module")] if modules else []
        if libraries:
            parts.append("1 library" if libraries == 1 else f"{libraries:,} libraries")
        return f"{plain(self._title(owner))}: {', '.join(parts)}"

    def summary(self, owner: str, files: list[LinkedFile]) -> Iterator[str]:
        """Say in a few lines where the libraries of a distribution come from."""
        places: dict[str, set[str]] = {}
        for file in files:
            for need in file.resolved:
                place = "its own" if need.owner and need.owner == owner else "system"
                if need.owner and need.owner != owner:
                    place = f"of {self._title(need.owner)}"
                places.setdefault(place, set()).add(need.name)
            for name, _ in file.unseen:
                places.setdefault("cannot be seen from here", set()).add(name)
            for name, _ in file.missing:
                places.setdefault("not found", set()).add(name)
        for place, names in sorted(places.items(), key=lambda pair: (pair[0] == "not found", pair[0])):
            yield f"{_STEP}{plain(place)}: {_listed(sorted(names))}"

    def tree(self, files: list[LinkedFile]) -> Iterator[str]:
        """Yield the modules with what they need; modules that need the same stand together."""
        shown: set[str] = set()
        for modules in (True, False):
            alike: dict[object, list[LinkedFile]] = {}
            for file in files:
                # A library that a module brings was shown below the module.
                if file.is_module is modules and _path(file) not in shown:
                    missing = tuple((name, asks if asks != _path(file) else "") for name, asks in file.missing)
                    needs = tuple((need.name, need.path) for need in file.resolved)
                    alike.setdefault((needs, missing), []).append(file)
            for group in alike.values():
                more = f" and {len(group) - 1} more" if len(group) > 1 else ""
                yield f"{_STEP}{plain(group[0].path)}{more}"
                yield from self._needs(group[0], 2, shown)

    def _needs(self, file: LinkedFile, depth: int, shown: set[str]) -> Iterator[str]:
        indent = _STEP * depth
        system = [need for need in file.resolved if not need.owner and need.path not in self._by_path]
        for need in file.resolved:
            if need in system:
                continue
            inner = self._by_path.get(need.path)
            again = need.path in shown
            shown.add(need.path)
            above = " (see above)" if again and inner is not None and inner.resolved else ""
            yield f"{indent}{self._need(need)}{above}"
            if not again and inner is not None and depth < _DEPTH_LIMIT:
                yield from self._needs(inner, depth + 1, shown)
        if system:
            yield f"{indent}system: {_listed([need.name for need in system])}"
        yield from self._defects(file, indent)

    @staticmethod
    def _defects(file: LinkedFile, indent: str) -> Iterator[str]:
        for name, asks in file.missing:
            if asks == _path(file):
                yield f"{indent}{plain(name)} => not found"
        for name, place in file.unseen:
            yield f"{indent}{plain(name)} => cannot be seen from here: {plain(place)}"
        for library, version in file.missing_versions:
            yield f"{indent}{plain(library)}: no version {plain(version)}"
        undefined = (*file.undefined, *file.undefined_python)
        if undefined:
            yield f"{indent}{number(len(undefined), 'undefined symbol')}: {', '.join(map(plain, undefined[:3]))}"

    def _need(self, need: Resolved) -> str:
        folder, _, name = need.path.rpartition("/")
        place = folder if name == need.name else need.path
        return f"{plain(need.name)} => {shown_path(place, '', self._sites)} ({need.how})"

    def _title(self, owner: str) -> str:
        dist: Distribution | None = self._owners.get(owner)
        return f"{dist.name} {dist.version}" if dist else "outside any distribution"


def _listed(names: list[str]) -> str:
    """Join names; the many names that Windows has for one part of itself are counted."""
    sets = [name for name in names if name.lower().startswith(("api-ms-win-", "ext-ms-"))]
    shown = [plain(name) for name in names if name not in sets]
    if len(sets) > 1:
        shown.append(f"{len(sets)} API sets of Windows")
    return ", ".join([*shown, *(plain(name) for name in sets if len(sets) == 1)])


def _path(file: LinkedFile) -> str:
    return f"{file.site_dir}/{file.path}"
