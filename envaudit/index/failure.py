"""The one exception of everything that talks to a package index, and the addresses that may be shown in it."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from envaudit.errors import ReadError

Kind = Literal["offline", "missing", "refused", "unreachable", "busy", "deadline", "too-large", "wrong"]

_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]{0,20}://)[^\s/]*@")
_LONGEST = 300  # characters of a foreign text that are repeated


class RemoteError(ReadError):
    """An index did not say what it was asked; whoever asks makes a gap of it, never "nothing found".

    ``kind`` tells what to do about it: ``offline`` (it was not asked), ``missing`` (it answered that there is no such
    thing), ``refused`` (it wants other credentials), ``unreachable``, ``busy`` (it answered 429 or 5xx to the end),
    ``deadline`` (no time was left), ``too-large``, ``wrong`` (the answer has not the form or the digest it should).
    """

    def __init__(self, address: str, reason: str, kind: Kind) -> None:
        self.kind: Kind = kind
        super().__init__(f"{shown(address)}: {without_userinfo(reason)[:_LONGEST]}" if address else reason)


def shown(address: str) -> str:
    """Return an address as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        return without_userinfo(address).partition("?")[0]


def without_userinfo(text: str) -> str:
    """Return a text, such as the message of another program, without what stands before ``@`` in its addresses."""
    return _USERINFO.sub(r"\1", text)
