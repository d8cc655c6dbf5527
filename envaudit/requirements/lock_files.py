"""Lock files of pip and uv (``pylock.toml``), poetry, pdm and pipenv; that of uv is read in ``uv_lock``."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from envaudit.errors import RequirementError
from envaudit.model_stated import Stated, StatedFile
from envaudit.plain_versions import normalised
from envaudit.requirements.one import Place, of_pep508, shown_address
from envaudit.requirements.text import utf8
from envaudit.requirements.toml_text import block_lines, digests, parse_toml, table, tables, text_line, word, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envaudit.model_stated import FileKind
    from envaudit.requirements.reading import Reading

_MOST = 50_000  # packages of one file


def read_lock(path: str, kind: FileKind, reading: Reading) -> StatedFile:
    """Return the packages that a lock file installs; raises ``RequirementError``."""
    data = reading.data(path)
    if kind == "pipfile":
        return _read_pipfile(path, data)
    document, lines = parse_toml(data, path)
    if kind == "uv":
        from envaudit.requirements.uv_lock import read_uv_lock  # noqa: PLC0415

        return read_uv_lock(path, document, lines)
    if kind == "pylock":
        return _read_pylock(path, document, lines)
    read: Callable[[dict[str, Any], Place], Stated] = _poetry_package if kind == "poetry" else _pdm_package
    packages = packages_of(document, "package", path)
    places = places_of(lines, "package", packages, path)
    found = [read(package, place) for package, place in zip(packages, places, strict=True)]
    metadata = table(document.get("metadata"))
    if kind == "poetry" and table(metadata.get("files")):  # poetry before 1.3 listed all files in one place
        found = [each._replace(**_files(metadata["files"].get(each.name))) for each in found]
    return StatedFile(path, kind, tuple(found), complete=True, files=(path,),
                      requires_python=word(metadata.get("python-versions")))  # fmt: skip


def packages_of(document: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """Return the packages of a lock file; raises ``RequirementError`` where there is no list of them."""
    value = document.get(key, [])
    packages = tables(value)
    if not isinstance(value, list) or len(packages) != len(value) or len(packages) > _MOST:
        raise RequirementError(path, 0, f"{key} is no list of packages, or one of more than {_MOST}")
    for package in packages:
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", word(package.get("name"))):
            raise RequirementError(path, 0, f"{key}: {str(package.get('name'))[:60]!r} is no name of a package")
    return packages


def places_of(lines: Sequence[str], header: str, packages: list[dict[str, Any]], path: str) -> list[Place]:
    """Return where each package stands: at its version, so that this is the line that a change of it changes."""
    numbers = block_lines(lines, header)
    if len(numbers) == len(packages):
        return [Place(path, number) for number in numbers]
    return [Place(path, text_line(lines, package["name"])) for package in packages]  # written as inline tables


def _made(package: dict[str, Any], place: Place, **fields: Any) -> Stated:
    name, version = word(package.get("name")), word(package.get("version"))
    made = Stated(name, normalised(name), place.path, place.line, f"=={version}" if version else "", version,
                  group=place.group)  # fmt: skip
    return made._replace(**fields)


# --- pylock.toml ----------------------------------------------------------------------------------------------------


def _read_pylock(path: str, document: dict[str, Any], lines: Sequence[str]) -> StatedFile:
    version = word(document.get("lock-version"))
    if not version.startswith("1."):
        line = next((number for number, line in enumerate(lines, 1) if line.startswith("lock-version")), 0)
        raise RequirementError(path, line, f"lock-version {version or 'is missing'}: only version 1 is known")
    packages = packages_of(document, "packages", path)
    found = []
    for package, place in zip(packages, places_of(lines, "packages", packages, path), strict=True):
        files = [*tables(package.get("wheels")), *([table(package["sdist"])] if "sdist" in package else [])]
        source = table(package.get("vcs")) or table(package.get("directory")) or table(package.get("archive"))
        found.append(
            _made(
                package,
                place,
                marker=word(package.get("marker")),
                requires_python=word(package.get("requires-python")),
                url=shown_address(word(source.get("url")) or word(source.get("path"))),
                hashes=tuple(each for file in files for each in digests(file.get("hashes"))),
                files=tuple(filter(None, (file_name(file) for file in files))),
                uploaded=min((str(file["upload-time"]) for file in files if "upload-time" in file), default=""),
            )
        )
    return StatedFile(path, "pylock", tuple(found), complete=True, files=(path,),
                      requires_python=word(document.get("requires-python")))  # fmt: skip


def file_name(file: dict[str, Any]) -> str:
    """Return the name of a file that a lock file lists, whichever way it names it."""
    place = word(file.get("name")) or word(file.get("url")) or word(file.get("path"))
    return os.path.basename(place.partition("#")[0].partition("?")[0].replace("%2B", "+"))


# --- poetry.lock and pdm.lock ---------------------------------------------------------------------------------------


def _poetry_package(package: dict[str, Any], place: Place) -> Stated:
    markers = package.get("markers")
    # Where groups need it in different cases, there is a marker for each.
    texts = list(markers.values()) if isinstance(markers, dict) else [markers] if markers else []
    groups = words(package.get("groups"))
    needed = "" if not groups or "main" in groups else groups[0]
    source = table(package.get("source"))
    return _made(
        package,
        place,
        group=needed,
        marker=" or ".join(f"({text})" for text in texts if isinstance(text, str)),
        requires=tuple(_poetry_requires(table(package.get("dependencies")))),
        requires_python="" if package.get("python-versions") == "*" else word(package.get("python-versions")),
        url=shown_address(word(source.get("url"))) if source.get("type") in {"git", "url", "directory", "file"} else "",
        **_files(package.get("files")),
    )


def _poetry_requires(dependencies: dict[str, Any]) -> Iterator[str]:
    """Yield the dependencies that poetry repeats from the metadata, as PEP 508 writes them, but no optional ones."""
    for name, value in dependencies.items():
        for each in value if isinstance(value, list) else [value]:
            given = each if isinstance(each, dict) else {"version": each}
            bounds, marker = word(given.get("version")), word(given.get("markers"))
            bounds = "" if bounds == "*" else re.sub(r"^(\d[\w.]*)$", r"==\1", bounds)
            extras = f"[{','.join(words(given['extras']))}]" if words(given.get("extras")) else ""
            text = f"{name}{extras}{bounds}" + (f" ; {marker}" if marker else "")
            if not given.get("optional") and "extra ==" not in marker and _is_requirement(text):
                yield text


def _is_requirement(text: str) -> bool:
    try:
        of_pep508(text, Place("", None))
    except ValueError:
        return False
    return True


def _pdm_package(package: dict[str, Any], place: Place) -> Stated:
    groups = words(package.get("groups"))
    requires = words(package.get("dependencies"))
    return _made(
        package,
        place,
        extras=words(package.get("extras")),
        group="" if not groups or "default" in groups else groups[0],
        marker=word(package.get("marker")),
        requires=tuple(text for text in requires if _is_requirement(text)),
        requires_python=word(package.get("requires_python")),
        url=shown_address(word(package.get("git")) or word(package.get("url")) or word(package.get("path"))),
        **_files(package.get("files")),
    )


def _files(files: object) -> dict[str, Any]:
    """Return names and digests of files that are listed as ``{file = ..., hash = ...}``, or with ``url``."""
    listed = tables(files)
    names = tuple(filter(None, (file_name({"name": file.get("file"), **file}) for file in listed)))
    return {"files": names, "hashes": tuple(word(file.get("hash")) for file in listed if word(file.get("hash")))}


# --- Pipfile.lock ---------------------------------------------------------------------------------------------------


def _read_pipfile(path: str, data: bytes) -> StatedFile:
    text = utf8(data, path)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise RequirementError(path, error.lineno, f"not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise RequirementError(path, 0, f"not valid JSON: {error}") from error
    if not isinstance(document, dict) or "_meta" not in document:
        raise RequirementError(path, 1, "not the lock file of pipenv: it has no _meta")
    lines = text.split("\n")
    found: list[Stated] = []
    for section, content in document.items():
        start = next((n for n, line in enumerate(lines, 1) if line.strip().startswith(f'"{section}"')), 1)
        for name, package in table(content).items() if section != "_meta" else ():
            line = next(
                (n for n in range(start, len(lines) + 1) if lines[n - 1].strip().startswith(f'"{name}"')), start
            )
            group = "" if section == "default" else section
            found.append(_pipfile_package(name, table(package), Place(path, line, group), lines))
    requires = table(table(document["_meta"]).get("requires"))
    python = word(requires.get("python_full_version")) or word(requires.get("python_version"))
    return StatedFile(path, "pipfile", tuple(found), complete=True, files=(path,),
                      requires_python=f"=={python}.*" if python.count(".") == 1 else "")  # fmt: skip


def _pipfile_package(name: str, package: dict[str, Any], place: Place, lines: Sequence[str]) -> Stated:
    specifier = word(package.get("version"))
    version = specifier.removeprefix("===").removeprefix("==") if specifier.startswith("==") else ""
    line = place.line or 1
    for number in range(line, min(line + 400, len(lines)) + 1):
        if lines[number - 1].strip().startswith('"version"'):
            line = number
            break
        if number > line and lines[number - 1].strip().startswith("}"):
            break
    source = word(package.get("git")) or word(package.get("file")) or word(package.get("path"))
    hashes = words(package.get("hashes"))
    made = _made({"name": name}, place, specifier=specifier, version=version, hashes=hashes)
    return made._replace(line=line, url=shown_address(source), marker=word(package.get("markers")))
