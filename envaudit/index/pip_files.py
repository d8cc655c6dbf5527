"""What pip is told about indexes: its variables and its configuration files, read as pip reads them, without pip."""

from __future__ import annotations

import configparser
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ConfigError, ReadError
from envaudit.files import read_text
from envaudit.index.default import default_address

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 1024 * 1024  # bytes of a configuration file
_SECTIONS = ("global", "install", "download")  # later ones win
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


class PipSettings(NamedTuple):
    """What pip would ask; addresses may hold credentials."""

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str = ""
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False


def pip_settings(environ: Mapping[str, str], cwd: str) -> PipSettings:
    """Read the files in pip's order, then its variables, which win; raises ``ConfigError`` for a file that is none.

    An index that is only added (``extra-index-url``) stands beside the default one.
    """
    values: dict[str, str] = {}
    for path in _files(environ, cwd):
        values.update(_read(path))
    for key in ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "no-index"):
        value = environ.get("PIP_" + key.upper().replace("-", "_"))
        if value:
            values[key] = value
    no_index = values.get("no-index", "").strip().lower() in _TRUE
    extra = tuple(values.get("extra-index-url", "").split())
    main = tuple(values.get("index-url", "").split())
    if extra and not main and not no_index:
        main = (default_address(),)
    return PipSettings(
        () if no_index else (*main, *extra),
        tuple(values.get("find-links", "").split()),
        values.get("cert", "").strip(),
        tuple(host.lower() for host in values.get("trusted-host", "").split()),
        no_index,
    )


def _files(environ: Mapping[str, str], cwd: str) -> list[str]:
    """Return pip's configuration files that may be there, those that win last."""
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = environ.get("HOME", "")
    places = [os.path.join(folder, "pip", "pip.conf") for folder in _system_folders(environ)]
    places.append("/etc/pip.conf")
    if home:
        places.append(os.path.join(home, ".pip", "pip.conf"))
        if sys.platform == "darwin":  # pragma: no cover
            places.append(os.path.join(home, "Library", "Application Support", "pip", "pip.conf"))
        config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        places.append(os.path.join(config, "pip", "pip.conf"))
    if environ.get("APPDATA"):  # pragma: no cover  Windows
        places.append(os.path.join(environ["APPDATA"], "pip", "pip.ini"))
    if environ.get("VIRTUAL_ENV"):
        places.append(os.path.join(environ["VIRTUAL_ENV"], "pip.conf"))
    if named:
        places.append(os.path.join(cwd, os.path.expanduser(named)))
    return places


def _system_folders(environ: Mapping[str, str]) -> list[str]:
    folders = environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    return [folder for folder in reversed(folders) if folder]


def _read(path: str) -> dict[str, str]:
    """Return what one file says about indexes; one that is not there says nothing."""
    if not os.path.lexists(path):
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text(path, _LIMIT))
    except ReadError as error:
        raise ConfigError(path, "", str(error)) from error
    except configparser.Error as error:
        # Its message repeats lines of the file, and those may hold a password.
        raise ConfigError(path, "", f"not a configuration file of pip ({type(error).__name__})") from error
    found: dict[str, str] = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            found.update({key.replace("_", "-"): value for key, value in parser.items(section) if value})
    return found
