"""One installed distribution, from its ``.dist-info``, ``.egg-info`` or ``.egg``.

Whatever is wrong with a file becomes a ``MetadataProblem`` of this distribution; nothing raises, and a distribution
of whose metadata nothing can be read is still there, under the name of its folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import target_root
from envaudit.model import Distribution
from envaudit.scan.egg import requires_dist
from envaudit.scan.names import is_name, is_version, normalised, of_info_name, short
from envaudit.scan.reader import InfoReader
from envaudit.scan.record import Record, importable, parse_record
from envaudit.scan.texts import parse_direct_url, parse_entry_points

if TYPE_CHECKING:
    from envaudit.model import DirectUrl, EntryPoint
    from envaudit.scan.headers import Headers


def read_dist_info(site_dir: str, file_name: str, depth: int, records: dict[str, bytes] | None = None) -> Distribution:
    """Read a ``.dist-info`` folder; ``depth`` is that of ``parse_record``.

    The bytes of RECORD are put into ``records``, under the path of the folder, for those who need every line.
    """
    info = InfoReader.of_folder(f"{site_dir}/{file_name}")
    headers = info.headers("METADATA", "unreadable")
    if "METADATA" not in info.names:
        info.problem("missing", "METADATA", "there is no METADATA, so nothing is known of what it needs")
    name, version = _identity(info, headers, file_name, "METADATA")
    record = _read_record(info, depth, records)
    direct_url = _read_direct_url(info)
    return Distribution(
        name=name,
        key=normalised(name),
        version=version,
        info_path=info.path,
        site_dir=site_dir,
        metadata_path=f"{info.path}/METADATA" if "METADATA" in info.names else "",
        requires=headers.all("requires-dist") if headers else (),
        provides_extra=headers.all("provides-extra") if headers else (),
        requires_python=_requires_python(headers),
        wheel_tags=_read_wheel_tags(info),
        installer=short(info.text("INSTALLER", "unreadable").strip()),
        requested="REQUESTED" in info.names,
        direct_url=direct_url,
        editable_path=target_root().outside(direct_url.path) if direct_url and direct_url.editable else "",
        entry_points=_read_entry_points(info),
        top_level=(record.modules if record else ()) or _read_top_level(info),
        binaries=record.binaries if record else (),
        generated=record.generated if record else (),
        has_record=record is not None,
        problems=tuple(info.problems),
    )


def read_egg(site_dir: str, file_name: str, inner: str = "") -> Distribution:
    """Read an ``.egg-info`` folder, or the folder ``inner`` (``EGG-INFO``) of an ``.egg`` folder."""
    info = InfoReader.of_folder(f"{site_dir}/{file_name}/{inner}" if inner else f"{site_dir}/{file_name}")
    headers = info.headers("PKG-INFO", "unreadable")
    if "PKG-INFO" not in info.names:
        info.problem("missing", "PKG-INFO", "there is no PKG-INFO, so nothing is known of what it needs")
    name, version = _identity(info, headers, file_name, "PKG-INFO")
    requires = headers.all("requires-dist") if headers else ()
    return Distribution(
        name=name,
        key=normalised(name),
        version=version,
        info_path=info.path,
        # The modules of an egg lie inside of it: it is a folder of sys.path by itself.
        site_dir=f"{site_dir}/{file_name}" if inner else site_dir,
        metadata_path=f"{info.path}/PKG-INFO" if "PKG-INFO" in info.names else "",
        requires=requires or _read_requires_txt(info),
        provides_extra=headers.all("provides-extra") if headers else (),
        requires_python=_requires_python(headers),
        installer=short(info.text("INSTALLER", "unreadable").strip()),
        requested="REQUESTED" in info.names,
        entry_points=_read_entry_points(info),
        top_level=_read_top_level(info),
        problems=tuple(info.problems),
    )


def read_egg_info_file(site_dir: str, file_name: str) -> Distribution:
    """Read a single ``.egg-info`` file, which is a PKG-INFO and nothing else (distutils wrote it)."""
    info = InfoReader(site_dir, frozenset((file_name,)))
    headers = info.headers(file_name, "unreadable")
    name, version = _identity(info, headers, file_name, file_name)
    return Distribution(
        name=name,
        key=normalised(name),
        version=version,
        info_path=f"{site_dir}/{file_name}",
        site_dir=site_dir,
        metadata_path=f"{site_dir}/{file_name}",
        requires=headers.all("requires-dist") if headers else (),
        requires_python=_requires_python(headers),
        problems=tuple(info.problems),
    )


def _identity(info: InfoReader, headers: Headers | None, file_name: str, source: str) -> tuple[str, str]:
    """Return name and version: those of the metadata when they are valid, else those of the folder's name."""
    folder_name, folder_version = of_info_name(file_name)
    if headers is None:
        if not is_name(folder_name):
            info.problem("bad-name", "", f"not a name: {short(folder_name)!r}")
        if not folder_version:
            info.problem("bad-version", "", "neither metadata nor the name of the folder say which version this is")
        return folder_name, folder_version
    name, version = headers.first("name"), headers.first("version")
    if not is_name(name):
        info.problem("bad-name", source, f"not a name: {short(name)!r}" if name else "there is no Name in it")
        name = folder_name
    if not is_version(version):
        detail = f"not a version: {short(version)!r}" if version else "there is no Version in it"
        info.problem("bad-version", source, detail)
        version = short(version) or folder_version
    return name, version


def _requires_python(headers: Headers | None) -> str:
    """Return Requires-Python; old tools wrote UNKNOWN for nothing."""
    value = headers.first("requires-python") if headers else ""
    return "" if value == "UNKNOWN" else value


def _read_record(info: InfoReader, depth: int, records: dict[str, bytes] | None) -> Record | None:
    """Read RECORD, ``None`` when there is none that can be read."""
    data = info.bytes("RECORD", "bad-record")
    if data is None:
        return None
    if records is not None:
        records[info.path] = data
    record = parse_record(data, f"{info.path}/RECORD", depth)
    info.problems += record.problems
    if not record.problems and b"-info/RECORD" not in data and b"-info\\RECORD" not in data:
        # Every installer lists RECORD itself.
        info.problem("bad-record", "RECORD", "it does not name its own file: it is cut short, or no RECORD at all")
    return record


def _read_wheel_tags(info: InfoReader) -> tuple[str, ...] | None:
    """Return the tags of WHEEL, ``None`` without such a file."""
    headers = info.headers("WHEEL", "bad-wheel")
    if headers is None:
        return None
    tags = headers.all("tag")
    if not tags:
        info.problem("bad-wheel", "WHEEL", "there is no Tag in it")
    return tags


def _read_direct_url(info: InfoReader) -> DirectUrl | None:
    """Return direct_url.json without secrets, ``None`` without such a file."""
    text = info.text("direct_url.json", "bad-direct-url")
    if not text:
        return None
    try:
        return parse_direct_url(text)
    except ReadError as error:
        info.problem("bad-direct-url", "direct_url.json", str(error))
        return None


def _read_entry_points(info: InfoReader) -> tuple[EntryPoint, ...]:
    """Return the lines of entry_points.txt that can be understood."""
    text = info.text("entry_points.txt", "bad-entry-points")
    if not text:
        return ()
    points, problems = parse_entry_points(text)
    for detail, line in problems:
        info.problem("bad-entry-points", "entry_points.txt", detail, line)
    return points


def _read_top_level(info: InfoReader) -> tuple[str, ...]:
    """Return the names in top_level.txt that can be imported."""
    lines = info.text("top_level.txt", "unreadable").splitlines()
    return tuple(sorted({name for line in lines if (name := importable(line.strip(), folder=True))}))


def _read_requires_txt(info: InfoReader) -> tuple[str, ...]:
    """Return what requires.txt of an egg-info asks for."""
    text = info.text("requires.txt", "bad-requirement")
    return requires_dist(text) if text.strip() else ()
