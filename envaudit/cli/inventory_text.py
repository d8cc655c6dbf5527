"""The inventory as a table that fits a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.report.plain import number, plain, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.cli.inventory_data import Inventory, Item

_HEADINGS = ("distribution", "version", "size", "files", "compiled", "from", "needed by")
_RIGHT = frozenset((2, 3, 4))
_NAMES = 3
_LONGEST = 32


def as_text(items: Inventory, width: int) -> str:
    """Return one line for each distribution; ``width`` is that of the terminal, 0 for no limit.

    Where lines are too long, the last column is cut.
    """
    return "".join(f"{line}\n" for line in _lines(items, width))


def _lines(items: Inventory, width: int) -> Iterator[str]:
    target = items.facts.target
    total = sum(item.size.size for item in items.items if not item.dist.hidden_by)
    python = f"{target.implementation} {target.python}{' free-threaded' if target.free_threaded else ''}"
    about = ", ".join(part for part in (python, target.platform, target.libc) if part)
    yield f"{shown_path(target.prefix, '') or target.kind}: {plain(about)}"
    yield f"{number(len(items.items), 'distribution')}, {size(total)}"
    if not items.items:
        return
    yield ""
    # Where everything was asked for, as from a list of pins, a mark on each line says nothing.
    marks = any(item.dist.requested for item in items.items) and not all(item.dist.requested for item in items.items)
    rows = [_HEADINGS, *(_row(item, marked=marks and item.dist.requested) for item in items.items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        cells = [
            cell.rjust(widths[column]) if column in _RIGHT else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        ]
        line = "  ".join(cells).rstrip()
        yield f"{line[: width - 1]}…" if 0 < width < len(line) else line
    yield ""
    if marks:
        yield "* asked for by name; the others came with them"
    yield from _remarks(items)


def _row(item: Item, *, marked: bool) -> tuple[str, ...]:
    dist = item.dist
    name = f"{dist.name}{'*' if marked else ''}"
    others = list(item.required_by[:_NAMES])
    if len(item.required_by) > _NAMES:
        others.append(f"and {len(item.required_by) - _NAMES} more")
    modules = str(len(item.binaries)) if item.binaries else ""
    return (
        _cut(plain(name)),
        _cut(plain(dist.version)),
        size(item.size.size),
        f"{item.size.files:,}",
        modules,
        item.origin,
        ", ".join(map(plain, others)),
    )


def _remarks(items: Inventory) -> Iterator[str]:
    """Say what does not fit into a table and matters: other sources, other folders, what modules need of NumPy."""
    site = items.facts.target.site_dirs[0].path if items.facts.target.site_dirs else ""
    old = [item.dist.name for item in items.items if item.numpy[0] == "1.x"]
    least = {item.dist.name: item.numpy[1] for item in items.items if item.numpy[1] and item.dist.key != "numpy"}
    for item in items.items:
        about = plain(f"{item.dist.name} {item.dist.version}")
        if item.dist.hidden_by:
            yield f"{about}: hidden behind {shown_path(item.dist.hidden_by, '')}"
        elif item.origin in {"editable", "local", "vcs", "archive"} and item.direct_url:
            yield f"{about}: from {plain(str(item.direct_url['url']))}"
        elif item.dist.site_dir != site and item.origin != "editable":
            yield f"{about}: in {shown_path(item.dist.site_dir, '')}"
        if item.size.missing:
            yield f"{about}: {number(item.size.missing, 'file')} of its RECORD not there"
    if old:
        yield f"built for NumPy 1.x only: {', '.join(map(plain, old))}"
    if least:
        highest = max(least, key=lambda name: [int(part) for part in least[name].split(".") if part.isdigit()])
        yield f"the highest NumPy that compiled modules ask for: {plain(least[highest])} ({plain(highest)})"
    if items.facts.gaps:
        yield f"{number(len(items.facts.gaps), 'thing')} could not be looked at (in JSON: gaps)"


def size(count: int) -> str:
    """Return ``12 kB``, ``3.4 MB``: powers of ten, as disks are sold."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit in {"B", "kB"} or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
