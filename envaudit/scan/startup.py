"""What the interpreter does whenever it starts: ``.pth`` files, ``sitecustomize``. Read line by line, never run.

What a line that fails does is in ``site.addpackage``: an exception is printed to standard error at every start and the
rest of the file is left out; a path that does not exist is passed over in silence; a file that cannot be decoded keeps
Python from starting at all (all tried on 3.8 to 3.13).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import exists, inside, is_file, list_folder, outside, read_bytes, target_root
from envaudit.model import Gap, StartupFault
from envaudit.scan.editable import finder_name, read_mapping
from envaudit.scan.importable import Importable
from envaudit.scan.names import normalised, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Distribution, SiteDir, Target

_LIMIT = 1024 * 1024
_LINES = 1000
_NEWLINES = re.compile(r"\r\n|\r|\n")
# Nearly all there are: for these no parser has to be loaded.
_SIMPLE = re.compile(r"import[ \t]+([A-Za-z_]\w*)(?:\.\w+)*\s*$")
_OF_SETUPTOOLS = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = "
# setuptools: import os; ...; enabled and __import__('_distutils_hack').add_shim()
_DISTUTILS = re.compile(r"__import__\(['\"](_distutils_hack)['\"]\)")
# setuptools before 70, for namespace_packages: p = os.path.join(..., *('google', 'cloud'))
_NSPKG = re.compile(r"os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], \*\(([^()]{1,400})\)\)")
_QUOTED = re.compile(r"'([^']+)'")
_CUSTOMIZE = ("sitecustomize", "usercustomize")
_EDITABLE = re.compile(r"__editable___(\w+?)_finder$")


def read_startup(
    target: Target, distributions: Sequence[Distribution], pythonpath: Sequence[str], gaps: list[Gap]
) -> Iterator[StartupFault]:
    """Yield what cannot work of what starts with Python; what cannot be judged becomes a gap."""
    visible = [dist for dist in distributions if not dist.hidden_by]
    importable = Importable(target, visible, pythonpath)
    for site in target.site_dirs:
        # Python reads no .pth file in a folder that another one has added, nor in one of PYTHONPATH, which is what
        # a folder of packages without an environment is for.
        bare = target.kind == "site-packages" and not site.path.endswith(("/site-packages", "/dist-packages"))
        if site.origin != "pth" and not bare:
            yield from _of_folder(target, site, importable, gaps)
    yield from _finders(visible)
    yield from _customize(target, pythonpath, gaps)


def _of_folder(target: Target, site: SiteDir, importable: Importable, gaps: list[Gap]) -> Iterator[StartupFault]:
    try:
        names = [entry.name for entry in list_folder(site.path) if entry.name.endswith(".pth")]
    except ReadError:
        return
    for name in names:
        if name.startswith("."):
            continue  # nor does Python read these
        path = f"{site.path}/{name}"
        try:
            data = read_bytes(path, _LIMIT)
        except ReadError as error:
            gaps.append(Gap("INS007", path, str(error)))
            continue
        try:
            # From 3.13 on Python drops a byte-order mark; before, it belongs to the first line.
            text = data.decode("utf-8-sig" if target.version_info >= (3, 13) else "utf-8")
        except UnicodeDecodeError as error:
            if not target.platform.startswith("win"):  # whose code pages read any byte
                place = data.count(b"\n", 0, error.start) + 1
                detail = f"byte 0x{data[error.start]:02x} is no UTF-8"
                yield StartupFault("undecodable", path, "", detail, place, _owner(path, importable.visible), alone=True)
            continue
        yield from _lines(target, site.path, path, text, importable, gaps)


def _lines(  # noqa: PLR0917
    target: Target, folder: str, path: str, text: str, importable: Importable, gaps: list[Gap]
) -> Iterator[StartupFault]:
    lines = text.splitlines() if target.version_info >= (3, 13) else _NEWLINES.split(text)
    meant = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    alone = len(meant) == 1
    if len(meant) > _LINES:
        gaps.append(Gap("INS007", path, f"{len(meant)} lines; the first {_LINES} were read"))
    for number, line in meant[:_LINES]:
        if line.startswith(("import ", "import\t")):
            fault = _import_line(target, folder, path, line, importable, gaps)
        else:
            fault = _path_line(folder, path, line, importable.visible)
        if fault is None:
            continue
        owner = fault.owner or _owner(path, importable.visible)
        yield fault._replace(line=number, owner=owner, alone=alone)
        if fault.kind in {"module", "syntax", "nspkg"}:
            return  # Python ignores the remainder of the file


def _path_line(folder: str, path: str, line: str, visible: Iterable[Distribution]) -> StartupFault | None:
    """Judge a line that adds a folder to ``sys.path``."""
    wanted = line.rstrip()
    if "\0" in wanted:
        return StartupFault("folder", path, short(wanted), "it holds a NUL")
    if wanted.startswith("\ufeff"):
        detail = "the line begins with a byte-order mark, which this Python takes for a part of the path"
        return StartupFault("folder", path, short(wanted[1:]), detail)
    full = outside(os.path.abspath(os.path.join(inside(folder), wanted)))
    if exists(full):
        return None
    owners = [dist.info_path for dist in visible if _lies_in(full, dist.editable_path)]
    return StartupFault("folder", path, full, "it does not exist", owner=owners[0] if owners else "")


def _import_line(  # noqa: PLR0917
    target: Target, folder: str, path: str, line: str, importable: Importable, gaps: list[Gap]
) -> StartupFault | None:
    """Judge a line that Python executes: what it imports must be there, whatever it does then."""
    simple = _SIMPLE.match(line)
    modules = [simple[1]] if simple else []
    if not simple and not line.startswith(_OF_SETUPTOOLS):
        from envaudit.scan.source import cannot_parse, leading_imports  # noqa: PLC0415  8 ms that most runs save

        problem = cannot_parse(line.encode("utf-8", "surrogatepass"), target.version_info)
        if problem is not None and problem.certain:
            return StartupFault("syntax", path, short(line.strip()), problem.detail)
        if problem is not None:
            gaps.append(Gap("INS007", path, problem.detail))
            return None
        modules = leading_imports(line)
    for module in modules:
        if not importable.has(module):
            finder = _EDITABLE.match(module)
            owner = _editable_owner(module, importable.visible) if finder else ""
            return StartupFault("module", path, module, f"there is no module {module}", owner=owner)
    hack = _DISTUTILS.search(line)
    if hack and not importable.has(hack[1]):
        return StartupFault("module", path, hack[1], f"there is no module {hack[1]}")
    namespace = _NSPKG.search(line)
    if namespace and "find_spec(" in line:
        parts = _QUOTED.findall(namespace[1])
        if parts and not exists(f"{folder}/{'/'.join(parts)}"):
            name = ".".join(parts)
            return StartupFault("nspkg", path, name, f"there is no folder {'/'.join(parts)}")
    return None


def _finders(visible: Iterable[Distribution]) -> Iterator[StartupFault]:
    """Yield the import hooks of editable installs that lead to sources which are gone."""
    for dist in visible:
        if not dist.editable_path:
            continue
        finder = f"{dist.site_dir}/{finder_name(dist.name, dist.version)}"
        try:
            mapping = read_mapping(finder)
        except ReadError:
            continue
        for module, place in sorted(mapping.items()):
            path = target_root().outside(place.replace("\\", "/"))
            # A package is its folder; a module is a file, which old releases write without its suffix.
            if not exists(path) and not exists(f"{path}.py") and not _extension(path):
                yield StartupFault("source", finder, module, f"{path} does not exist", owner=dist.info_path)


def _extension(path: str) -> bool:
    """Say whether a module of compiled code lies at a path that has no suffix."""
    folder, _, name = path.rpartition("/")
    try:
        return any(entry.name.startswith(f"{name}.") for entry in list_folder(folder))
    except ReadError:
        return False


def _customize(target: Target, pythonpath: Sequence[str], gaps: list[Gap]) -> Iterator[StartupFault]:
    """Judge ``sitecustomize`` and ``usercustomize``: the first that is found is imported at every start."""
    folders = [*pythonpath, *(site.path for site in target.site_dirs)]
    for name in _CUSTOMIZE:
        if name == "usercustomize" and not any(site.origin == "user" for site in target.site_dirs):
            continue
        candidates = (f"{folder}/{name}{end}" for folder in folders for end in ("/__init__.py", ".py"))
        path = next((path for path in candidates if is_file(path)), "")
        if not path:
            continue
        from envaudit.scan.source import cannot_parse  # noqa: PLC0415

        try:
            problem = cannot_parse(read_bytes(path, _LIMIT), target.version_info)
        except ReadError as error:
            gaps.append(Gap("INS007", path, str(error)))
            continue
        if problem is not None and problem.certain:
            yield StartupFault("customize", path, name, problem.detail, problem.line)
        elif problem is not None:
            gaps.append(Gap("INS007", path, problem.detail))


def _owner(path: str, visible: Iterable[Distribution]) -> str:
    """Return the distribution whose RECORD lists a file of its site folder. Only asked when something is wrong."""
    folder, _, name = path.rpartition("/")
    needle = f"\n{name},".encode("utf-8", "surrogateescape")
    for dist in visible:
        if dist.site_dir == folder and dist.has_record:
            try:
                if needle in b"\n" + read_bytes(f"{dist.info_path}/RECORD"):
                    return dist.info_path
            except ReadError:
                continue
    return ""


def _editable_owner(module: str, visible: Iterable[Distribution]) -> str:
    """Return the editable install that a finder module is written for."""
    for dist in visible:
        own = finder_name(dist.name, dist.version).removesuffix(".py")
        if module == own or normalised(module).startswith(f"editable-{dist.key}-"):
            return dist.info_path
    return ""


def _lies_in(path: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return bool(folder) and (path == folder or path.startswith(f"{folder}/"))
