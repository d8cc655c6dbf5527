"""User and password for an index: in its address, in netrc, or from the ``keyring`` command. They are never shown.

What an address holds belongs to its origin (scheme, host and port) and is sent nowhere else, whatever a server answers.
"""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

Origin = tuple[str, str, int]

_PORTS = {"http": 80, "https": 443}
_KEYRING_SECONDS = 10.0
_KEYRING_LIMIT = 4096  # characters of a password


class Credentials(NamedTuple):
    """A user and a password; neither is part of its ``repr``."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an address; raises ``ValueError`` when it has no such parts."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """Return an address without its credentials, and the credentials; raises ``ValueError``."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), Credentials(unquote(user), unquote(password))


class CredentialBook:
    """Which credentials belong to which origin. Used by several threads.

    ``keyring`` is ``False`` where no other program may be started.
    """

    def __init__(self, environ: Mapping[str, str], *, keyring: bool = True) -> None:
        self._environ = environ
        self._keyring = keyring
        self._known: dict[Origin, Credentials | None] = {}
        self._asked: dict[Origin, Credentials | None] = {}
        self._lock = threading.Lock()

    def learn(self, url: str) -> str:
        """Keep the credentials of an address and return it without them; raises ``ValueError``."""
        bare, credentials = split_credentials(url)
        if credentials is not None:
            with self._lock:
                self._known[origin_of(bare)] = credentials
        return bare

    def of(self, url: str) -> Credentials | None:
        """Return what is to be sent to an address at first: from addresses, then from netrc."""
        origin = origin_of(url)
        with self._lock:
            if origin not in self._known:
                self._known[origin] = self._from_netrc(origin[1])
            return self._known[origin]

    def after_refusal(self, url: str) -> Credentials | None:
        """Return other credentials, when the first were refused and the keyring has some."""
        origin = origin_of(url)
        with self._lock:
            if origin not in self._asked:
                known = self._known.get(origin)
                self._asked[origin] = self._from_keyring(origin, known.user if known else "") if self._keyring else None
            found = self._asked[origin]
            if found is not None:
                self._known[origin] = found
            return found

    def _from_netrc(self, host: str) -> Credentials | None:
        """Look a host up in the user's netrc; one that cannot be read has nothing for us."""
        import netrc  # noqa: PLC0415

        path = self._environ.get("NETRC") or os.path.join(self._environ.get("HOME", "~"), ".netrc")
        try:
            found = netrc.netrc(os.path.expanduser(path)).authenticators(host)
        except (OSError, netrc.NetrcParseError, ValueError):
            return None
        return Credentials(found[0] or "", found[2] or "") if found else None

    def _from_keyring(self, origin: Origin, user: str) -> Credentials | None:
        """Ask the ``keyring`` command, as pip does: for the address first, then for the host."""
        program = shutil.which("keyring", path=self._environ.get("PATH"))
        if program is None:
            return None
        scheme, host, port = origin
        default = _PORTS.get(scheme) == port
        address = f"{scheme}://{host}/" if default else f"{scheme}://{host}:{port}/"
        for service in (address, host):
            password = self._ask([program, "get", service, user or "__token__"])
            if password:
                return Credentials(user or "__token__", password)
        return None

    def _ask(self, command: list[str]) -> str:
        import subprocess  # noqa: PLC0415

        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_KEYRING_SECONDS,
                check=False,
                env={**self._environ, "PYTHONIOENCODING": "utf-8"},
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        answer = done.stdout.decode("utf-8", "replace").rstrip("\r\n") if done.returncode == 0 else ""
        return answer if len(answer) <= _KEYRING_LIMIT and "\n" not in answer else ""
