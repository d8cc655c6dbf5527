"""Which indexes to ask, in the order in which a user's own tools are told.

What says more wins as a whole: the command line, then ``ENVAUDIT_*``, then uv's variables, then pip's variables and
configuration files, then uv's configuration file; where nobody says anything, the public index. Two sources are never
mixed: an index that a company took out of one must not come back from another.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ConfigError
from envaudit.index.credentials import origin_of
from envaudit.index.default import default_address
from envaudit.index.failure import shown
from envaudit.index.pip_files import pip_settings
from envaudit.index.uv_file import uv_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Sources(NamedTuple):
    """The indexes to ask and how. Addresses may hold credentials: they are never shown as they are.

    ``indexes`` are Simple API addresses, in order; ``find_links`` are folders and pages with files. ``chosen_by`` says
    in a word who named them. ``ca_bundle`` is a file of certificates.
    """

    indexes: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    ca_bundle: str = ""
    trusted_hosts: frozenset[str] = frozenset()
    chosen_by: str = ""

    def __repr__(self) -> str:
        return f"Sources({len(self.indexes)} indexes by {self.chosen_by})"


def find_sources(
    environ: Mapping[str, str],
    cwd: str,
    *,
    indexes: Sequence[str] = (),
    find_links: Sequence[str] = (),
    no_index: bool = False,
) -> Sources:
    """Return the indexes that the command line, variables and configuration files name, or the public one.

    Raises ``ConfigError`` for an address that is none and for a configuration file that cannot be understood.
    """
    pip = pip_settings(environ, cwd)
    found = (
        _given(indexes, find_links, no_index=no_index)
        or _from_variables(environ)
        or _from_uv_variables(environ)
        or _usable(Sources(pip.indexes, pip.find_links, chosen_by="pip"), bare=pip.no_index)
        or _from_uv_file(environ, cwd)
        or Sources((), chosen_by="default")
    )
    if not found.indexes and not (no_index or (found.chosen_by == "pip" and pip.no_index)):
        found = found._replace(indexes=(default_address(),))
    checked = [_address(each, found.chosen_by, cwd) for each in found.indexes]
    links = [_address(each, found.chosen_by, cwd) for each in found.find_links]
    return Sources(
        tuple(dict.fromkeys(checked)),
        tuple(dict.fromkeys(links)),
        environ.get("ENVAUDIT_CERT") or pip.cert,
        frozenset(pip.trusted_hosts),
        found.chosen_by,
    )


def _given(indexes: Sequence[str], find_links: Sequence[str], *, no_index: bool) -> Sources | None:
    return _usable(Sources(tuple(indexes), tuple(find_links), chosen_by="command line"), bare=no_index)


def _from_variables(environ: Mapping[str, str]) -> Sources | None:
    main, extra = _words(environ, "ENVAUDIT_INDEX_URL"), _words(environ, "ENVAUDIT_EXTRA_INDEX_URL")
    if extra and not main:
        main = (default_address(),)
    return _usable(Sources((*main, *extra), _words(environ, "ENVAUDIT_FIND_LINKS"), chosen_by="ENVAUDIT_*"))


def _from_uv_variables(environ: Mapping[str, str]) -> Sources | None:
    """Read uv's variables: further indexes come before the default one, as uv asks them."""
    further = [_unnamed(each) for each in (*_words(environ, "UV_INDEX"), *_words(environ, "UV_EXTRA_INDEX_URL"))]
    default = _words(environ, "UV_DEFAULT_INDEX") or _words(environ, "UV_INDEX_URL")
    links = tuple(environ.get("UV_FIND_LINKS", "").replace(",", " ").split())
    named = [*further, *(_unnamed(each) for each in default)]
    if further and not default:
        named.append(default_address())
    return _usable(Sources(tuple(named), links, chosen_by="uv's variables"))


def _from_uv_file(environ: Mapping[str, str], cwd: str) -> Sources | None:
    settings = uv_settings(environ, cwd)
    indexes = settings.indexes
    if indexes and not settings.has_default:
        indexes = (*indexes, default_address())
    return _usable(Sources(indexes, settings.find_links, chosen_by="uv's configuration"))


def _usable(sources: Sources, *, bare: bool = False) -> Sources | None:
    """Return sources that name anything at all; ``bare`` means that naming no index is meant."""
    return sources if sources.indexes or sources.find_links or bare else None


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(environ.get(name, "").split())


def _unnamed(index: str) -> str:
    """Return the address in uv's ``name=address``."""
    name, equals, address = index.partition("=")
    return address if equals and re.fullmatch(r"[A-Za-z0-9._-]+", name) else index


def _address(text: str, source: str, cwd: str) -> str:
    """Return the address that a text means, a path as a ``file:`` address; raises ``ConfigError``."""
    if "://" not in text and not text.startswith("file:"):
        return Path(cwd, text).expanduser().resolve().as_uri()
    try:
        scheme, host, _ = origin_of(text)
    except ValueError as error:
        raise ConfigError(source, "", f"{shown(text)!r} is no address of an index") from error
    if scheme == "file":
        return text
    if scheme not in {"http", "https"} or not host or any(letter <= " " for letter in text):
        raise ConfigError(source, "", f"{shown(text)!r} is no address of an index (http, https or file)")
    return text
