"""The tags of an HTML page that matter to an index: ``a``, ``base`` and ``meta``, in time that grows with its length.

The parser of the standard library takes 20 seconds for 60 kB of ``<a <a <a ...`` in the Pythons that people have, so a
page of an index nobody knows is not given to it. What browsers would repair is refused here.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG_LIMIT = 16 * 1024  # characters of one tag; the longest of a real page hold an address and a digest
_START = re.compile(r"<(a|base|meta)(?=[\s/>])", re.IGNORECASE)
_STOP = re.compile(r"[\"'<>]")
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")


def tags(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the tags in their order, each with its attributes; names in lower case, no value is an empty text.

    Raises ``ReadError`` for a tag without an end.
    """
    page = _without_comments(page)
    position = 0
    while (start := _START.search(page, position)) is not None:
        end = _end_of_tag(page, start.end())
        attributes: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(page, start.end(), end):
            value = next((text for text in found.groups()[1:] if text is not None), "")
            attributes.setdefault(found[1].lower(), html.unescape(value))
        yield start[1].lower(), attributes
        position = end + 1


def _end_of_tag(page: str, position: int) -> int:
    """Return where the ``>`` of a tag stands: the first outside of quotes."""
    limit = position + _TAG_LIMIT
    while (stop := _STOP.search(page, position, limit)) is not None:
        if stop[0] == ">":
            return stop.start()
        closing = page.find(stop[0], stop.end(), limit) if stop[0] != "<" else -1
        if closing < 0:
            break
        position = closing + 1
    raise ReadError("a tag without an end")


def _without_comments(page: str) -> str:
    parts = []
    position = 0
    while (start := page.find("<!--", position)) >= 0:
        parts.append(page[position:start])
        end = page.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        position = end + 3
    return "".join((*parts, page[position:])) if parts else page
