"""What the user asked for, from four places: flags, then ``ENVAUDIT_*``, then a configuration file, then defaults.

A setting that is not understood ends the run. A misspelt key or code that is passed over in silence would make a
broken environment look healthy, so each one is an error that names where it stands and what was probably meant.
"""

from __future__ import annotations

import os
import re
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from envaudit.errors import ConfigError, ReadError
from envaudit.files import is_file, read_text
from envaudit.model import Severity
from envaudit.setting_kinds import KEYS, Ignore, Kind, Output, meant, switch_from_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    Format = Literal["text", "json", "sarif", "junit", "github", "gitlab", "markdown"]
    SmokeMode = Literal["auto", "all", ""]
    ColorChoice = Literal["auto", "always", "never"]

VARIABLE_PREFIX = "ENVAUDIT_"

_GIB = 1024**3
_FILE_LIMIT = 4 * 1024**2  # bytes of a configuration file
_TOOL_PREFIX = "tool.envaudit."
_NO_CACHE = "ENVAUDIT_NO_CACHE"
_OTHER_VARIABLES = (
    "ENVAUDIT_CONFIG", "ENVAUDIT_NO_CONFIG", "ENVAUDIT_DEBUG", "ENVAUDIT_CACHE_DIR", "ENVAUDIT_STATE_DIR", _NO_CACHE,
    "ENVAUDIT_INDEX_URL", "ENVAUDIT_EXTRA_INDEX_URL", "ENVAUDIT_FIND_LINKS", "ENVAUDIT_CERT",
)  # fmt: skip
# A file of the project under audit must not be able to say what is written to.
_NEVER_IN_A_FILE = frozenset({"output", "step-summary"})
_PATHS_IN_A_FILE = frozenset({"target", "root", "python", "baseline"})


class Settings(NamedTuple):
    """Everything a run can be told.

    ``target``, ``root`` (the folder of an unpacked image) and ``python`` are empty when not given. ``select`` and
    ``ignore`` hold prefixes of codes (``ABI``, ``ABI001``, ``EA-2026-0003``), in ``ignore`` also
    ``CODE:distribution``; an empty ``select`` means every code. ``ignores`` are those entries that say why: what
    ``ignore`` still holds of them is in force, the others have ended. ``baseline`` is a file of known findings.
    ``smoke`` is which smoke tests are run (empty: none), ``keyword`` an expression over their names, and ``pairs`` asks
    for imports of two distributions in both orders. ``smoke_timeout`` is in seconds and ``smoke_memory`` in bytes, both
    for one smoke test. ``jobs`` is how many smoke tests run at a time; 0 leaves that to the number of processors.
    ``cache`` allows to use and to keep what was read of compiled files and how smoke tests ended, ``online`` to ask
    package indexes about what is installed, ``offline`` forbids the gate to,
    ``deep`` lets it read wheels on them.
    ``python_version`` and ``python_platform`` are those that the gate judges for, ``exclude_newer`` is a moment after
    which nothing on an index counts for it. ``verify`` is to read every file and hold it against its digest. ``code``
    are files and folders of the user's own that are linked against the environment. ``rules`` are extra folders or
    built files of rules, ``rules_only`` leaves out those that ship. ``output`` is a file, empty for standard output;
    ``outputs`` are files that the report is written to as well, each in a format of its own, and ``step_summary`` adds
    it to the file that GitHub names for the summary of a step. ``sources`` says of each field that is not at its
    default where its value came from, in words for a message.
    """

    target: str = ""
    root: str = ""
    python: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    baseline: str = ""
    fail_on: Severity = Severity.ERROR
    strict: bool = False
    exit_zero: bool = False
    smoke: SmokeMode = "auto"
    keyword: str = ""
    pairs: bool = False
    smoke_timeout: float = 60.0
    smoke_memory: int = 2 * _GIB
    jobs: int = 0
    cache: bool = True
    online: bool = False
    offline: bool = False
    deep: bool = False
    python_version: tuple[str, ...] = ()
    python_platform: tuple[str, ...] = ()
    exclude_newer: str = ""
    code: tuple[str, ...] = ()
    verify: bool = False
    rules: tuple[str, ...] = ()
    rules_only: bool = False
    format: Format = "text"
    output: str = ""
    outputs: tuple[Output, ...] = ()
    step_summary: bool = False
    color: ColorChoice = "auto"
    quiet: bool = False
    verbose: bool = False
    sources: Mapping[str, str] = MappingProxyType({})


def load_settings(
    flags: Mapping[str, Any], environ: Mapping[str, str], cwd: str, *, codes: Collection[str] | None = None
) -> Settings:
    """Merge the four places into one value; raises ``ConfigError`` for anything that is not understood.

    ``flags`` maps keys of the configuration with underscores (``fail_on``, ``memory_limit``) to what the command
    line gave, ``None`` where it gave nothing; ``config`` and ``no_config`` choose the file. ``codes`` are the codes
    that exist, by default those that have a page.
    """
    layers = [
        _file_layer(flags, environ, cwd),
        _variable_layer(environ, cwd),
        _flag_layer(flags, cwd),
    ]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        if "quiet" in layer.values or "verbose" in layer.values:
            values.update(quiet=False, verbose=False)  # they exclude each other: the nearer place decides on both
        values.update(layer.values)
        sources.update(layer.sources)
    if values.get("quiet") and values.get("verbose"):
        raise ConfigError(sources["quiet"], "", "quiet and verbose exclude each other")
    files: tuple[Output, ...] = values.pop("outputs", ())
    values["output"] = next((each.path for each in files if not each.format), "")
    values["outputs"] = tuple(each for each in files if each.format)
    given: tuple[str | Ignore, ...] = values.pop("ignore", ())
    values["ignore"] = tuple(each for each in given if isinstance(each, str))
    values["ignores"] = tuple(each for each in given if isinstance(each, Ignore))
    settings = Settings(**values, sources=sources)
    if not settings.select and not given:
        return settings
    return _with_known_codes(settings, _known_codes() if codes is None else codes)


def reject_unknown_rules(settings: Settings, rule_ids: Iterable[str]) -> None:
    """Raise ``ConfigError`` if ``select`` or ``ignore`` names a rule that the loaded rules do not hold."""
    known = tuple(rule_ids)
    for name, entries in (("select", settings.select), ("ignore", settings.ignore)):
        for entry in entries:
            code = entry.partition(":")[0]
            if code.startswith("EA-") and not any(rule.startswith(code) for rule in known):
                raise ConfigError(settings.sources.get(name, name), "", f"there is no rule {code}{meant(code, known)}")


# --- the three places -----------------------------------------------------------------------------------------------


class _Layer(NamedTuple):
    """What one place gives: values by field name, and for each where it stands."""

    values: dict[str, Any]
    sources: dict[str, str]


def _flag_layer(flags: Mapping[str, Any], cwd: str) -> _Layer:
    layer = _Layer({}, {})
    for key, kind in KEYS.items():
        value = flags.get(key.replace("-", "_"))
        if value is not None:
            flag = "-k" if key == "keyword" else f"--{key}"
            plain = value if isinstance(value, bool) else _text_value(kind, value, flag)
            _put(layer, key, plain, flag, cwd)
    return layer


def _variable_layer(environ: Mapping[str, str], cwd: str) -> _Layer:
    layer = _Layer({}, {})
    keys = {_variable(key): key for key in KEYS}
    for name in sorted(environ):
        if not name.startswith(VARIABLE_PREFIX) or name in _OTHER_VARIABLES:
            continue
        if name not in keys:
            raise ConfigError(name, "", f"there is no such setting{meant(name, (*keys, *_OTHER_VARIABLES))}")
        if environ[name]:  # an empty variable is a variable that is not set
            key = keys[name]
            _put(layer, key, _text_value(KEYS[key], environ[name], name), name, cwd)
    if _switch_variable(environ, _NO_CACHE):
        _put(layer, "cache", value=False, source=_NO_CACHE, folder=cwd)
    return layer


def _file_layer(flags: Mapping[str, Any], environ: Mapping[str, str], cwd: str) -> _Layer:
    layer = _Layer({}, {})
    given = flags.get("config")
    if flags.get("no_config") or (not given and _switch_variable(environ, "ENVAUDIT_NO_CONFIG")):
        return layer
    from pathlib import Path  # noqa: PLC0415  3 ms, which a run without a file saves

    given = given or environ.get("ENVAUDIT_CONFIG")
    found = _given_file(Path(cwd, given)) if given else _nearest_file(Path(cwd))
    if found is None:
        return layer
    file, prefix, table = found
    for key, value in table.items():
        path = prefix + key
        if key not in KEYS:
            raise ConfigError(str(file), path, f"there is no such key{meant(key, KEYS)}")
        if key in _NEVER_IN_A_FILE:
            raise ConfigError(str(file), path, f"can only be given as --{key} or {_variable(key)}")
        _put(layer, key, value, f"{file}: {path}", str(file.parent))
    return layer


def _put(layer: _Layer, key: str, value: object, source: str, folder: str) -> None:
    """Check one value and store it; ``folder`` is what a relative path in it is relative to."""
    kind = KEYS[key]
    try:
        accepted = kind.accept(value)
        if key in {"code", "rules"}:
            accepted = tuple(_beside(folder, path) for path in accepted)
        elif key in _PATHS_IN_A_FILE and not source.startswith(("--", VARIABLE_PREFIX)):
            is_path = key != "python" or "/" in accepted or os.sep in accepted  # a bare python3.11 is a command
            accepted = _beside(folder, accepted) if accepted and is_path else accepted
    except (ValueError, RuntimeError) as error:  # RuntimeError: the ~user of a path is unknown
        raise ConfigError(source, "", str(error)) from error
    layer.values[kind.field] = accepted
    layer.sources[kind.field] = source


def _variable(key: str) -> str:
    return VARIABLE_PREFIX + key.upper().replace("-", "_")


def _beside(folder: str, path: str) -> str:
    from pathlib import Path  # noqa: PLC0415

    return str(Path(folder, Path(path).expanduser()))


def _text_value(kind: Kind, value: object, source: str) -> object:
    """Turn what a flag or a variable holds into what TOML would hold; a repeated flag is a list."""
    try:
        if isinstance(value, (list, tuple)):
            parts = [kind.from_text(str(each)) for each in value]
            return [item for part in parts for item in (part if isinstance(part, list) else [part])]
        return kind.from_text(str(value))
    except ValueError as error:
        raise ConfigError(source, "", str(error)) from error


def _switch_variable(environ: Mapping[str, str], name: str) -> bool:
    try:
        return bool(environ.get(name)) and switch_from_text(environ[name])
    except ValueError as error:
        raise ConfigError(name, "", str(error)) from error


# --- configuration files --------------------------------------------------------------------------------------------

_Found = tuple["Path", str, "dict[str, Any]"]


def _nearest_file(start: Path) -> _Found | None:
    """Look upward from a folder for ``envaudit.toml`` or a ``pyproject.toml`` that has ``[tool.envaudit]``."""
    for folder in (start, *start.parents):
        own = folder / "envaudit.toml"
        if is_file(str(own)):
            return own, "", _parse(own, _text(own))
        project = folder / "pyproject.toml"
        if is_file(str(project)):
            text = _text(project)
            if "envaudit" in text:  # cheaper than loading a TOML parser for every project that does not mention us
                table = _tool_table(project, _parse(project, text))
                if table is not None:
                    return project, _TOOL_PREFIX, table
    return None


def _given_file(file: Path) -> _Found:
    """Read the file that ``--config`` names: a ``pyproject.toml``, or one laid out like ``envaudit.toml``."""
    document = _parse(file, _text(file))
    if file.name != "pyproject.toml":
        return file, "", document
    table = _tool_table(file, document)
    if table is None:
        raise ConfigError(str(file), "", "has no [tool.envaudit]")
    return file, _TOOL_PREFIX, table


def _tool_table(file: Path, document: dict[str, Any]) -> dict[str, Any] | None:
    tool = document.get("tool")
    table = tool.get("envaudit") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(str(file), "tool.envaudit", "must be a table")
    return table


def _text(file: Path) -> str:
    try:
        return read_text(str(file), _FILE_LIMIT)
    except ReadError as error:
        raise ConfigError(str(file), "", f"cannot be read: {error}") from error


def _parse(file: Path, text: str) -> dict[str, Any]:
    # Only a run that has a configuration file pays for the parser.
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:  # pragma: no cover - Python 3.10
        import tomli as tomllib  # noqa: PLC0415
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(file), "", f"is not valid TOML: {error}") from error
    return document


# --- codes ----------------------------------------------------------------------------------------------------------

_RULE_ENTRY = re.compile(r"EA(-\d{0,4}|-\d{4}-[0-9A-Z-]*)?")
_NAME_SEPARATORS = re.compile(r"[-_.]+")


def _known_codes() -> Collection[str]:
    from envaudit.codes import CODES  # noqa: PLC0415 - only a run that selects or ignores needs the list

    return tuple(CODES)


def _with_known_codes(settings: Settings, codes: Collection[str]) -> Settings:
    """Bring the entries of ``select`` and ``ignore`` to one spelling; raises ``ConfigError`` for an unknown code."""

    def entries(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
        source = settings.sources.get(name, name)
        return tuple(_entry(entry, codes, source, may_name=name == "ignore") for entry in given)

    reasons = tuple(
        each._replace(entry=entry)
        for each, entry in zip(
            settings.ignores, entries("ignore", tuple(each.entry for each in settings.ignores)), strict=True
        )
    )
    today = _today() if any(each.until for each in reasons) else ""
    in_force = tuple(each.entry for each in reasons if not each.until or today <= each.until)
    return settings._replace(
        select=entries("select", settings.select),
        ignore=(*entries("ignore", settings.ignore), *in_force),
        ignores=reasons,
    )


def _today() -> str:
    """Return the day in UTC; a report that depends on it is not kept longer than that is right."""
    import datetime as dt  # noqa: PLC0415

    return dt.datetime.now(dt.timezone.utc).date().isoformat()


def _entry(text: str, codes: Collection[str], source: str, *, may_name: bool) -> str:
    code, colon, distribution = text.partition(":")
    code, distribution = code.strip().upper(), distribution.strip()
    if colon and not may_name:
        raise ConfigError(source, "", f"{text!r}: only ignore takes CODE:distribution")
    if colon and not distribution:
        raise ConfigError(source, "", f"{text!r}: there is no distribution after the colon")
    families = {known.rstrip("0123456789") for known in codes if not known.startswith("EA-")}
    family = code.rstrip("0123456789")
    known_code = family in families and any(known.startswith(code) for known in codes)
    if not known_code and not _RULE_ENTRY.fullmatch(code):
        raise ConfigError(source, "", f"there is no code {code!r}{meant(code, (*codes, *sorted(families), 'EA'))}")
    if code.startswith("EA-0000-"):
        code = f"EA-0000-{code[8:].lower()}"  # a rule of the user's own, which has words for a number
    return f"{code}:{normalized(distribution)}" if colon else code


def normalized(name: str) -> str:
    """Return the one spelling of a distribution's name that all others are compared by (PEP 503)."""
    return _NAME_SEPARATORS.sub("-", name).lower()
