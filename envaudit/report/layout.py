"""Lines of styled text: labels in one column, texts wrapped beside them, colours only at the very end."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INDENT = "    "
LABEL_WIDTH = 9
_NARROWEST = 40


class Span(NamedTuple):
    """A piece of a line; ``style`` is a style of rich (``bold red``) or empty."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


class Entry(NamedTuple):
    """A text beside a label.

    ``whole`` keeps it on one line, so that a command can be copied; ``repeat`` shows the label even below its like.
    """

    label: str
    text: str
    style: str = ""
    whole: bool = False
    repeat: bool = False


def entries(rows: Iterable[Entry], width: int) -> Iterator[Line]:
    """Lay out labelled texts with a hanging indent; a label like the one above is left out."""
    last = ""
    for row in rows:
        label = "" if row.label == last and not row.repeat else row.label
        last = row.label
        texts = [row.text] if row.whole else wrap(row.text, width - len(INDENT) - LABEL_WIDTH)
        for position, text in enumerate(texts):
            shown = label if position == 0 else ""
            yield Span(INDENT), Span(shown.ljust(LABEL_WIDTH), "dim"), Span(text, row.style)


def paragraph(head: Iterable[Span], text: str, width: int, *, hanging: str = INDENT) -> Iterator[Line]:
    """Lay out a text that begins after a styled head and goes on, indented, below it."""
    spans = tuple(head)
    used = sum(len(span.text) for span in spans)
    first, *rest = wrap("x" * used + text, width, hanging) if text else ["x" * used]
    yield *spans, Span(first[used:])
    for line in rest:
        yield (Span(line),)


def wrap(text: str, width: int, hanging: str = "") -> list[str]:
    """Break a text at spaces only: a path or a version is never cut, even if its line gets too long."""
    width = max(width, _NARROWEST)
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
    return wrapper.wrap(text) or [""]


def join(lines: Iterable[Line], *, color: bool) -> str:
    """Turn lines into one text, with escape sequences for the styles if ``color``."""
    if not color:
        return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)
    return _colored(lines)


def _colored(lines: Iterable[Line]) -> str:
    import io  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415 - takes longer to load than a small audit: only for colours
    from rich.text import Text  # noqa: PLC0415

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="standard", legacy_windows=False, no_color=False)
    for line in lines:
        text = Text.assemble(*((span.text, span.style) for span in line))
        text.rstrip()
        console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)
    return stream.getvalue()
