"""What a waiting person sees on the terminal while smoke tests run; it is gone when they have ended."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from envaudit.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress as Bar

    from envaudit.audit import Progress


@contextmanager
def shown_progress(console: Console | None = None) -> Iterator[Progress]:
    """Show a bar, a counter and the name of the last test on standard error, from the first test that ends."""
    bars: list[Bar] = []

    def show(done: int, total: int, test: str) -> None:
        if not bars:
            bars.append(_start(console))
            bars[0].add_task("", total=total, test="")
        bars[0].update(bars[0].task_ids[0], completed=done, total=total, test=plain(test))

    try:
        yield show
    finally:
        for bar in bars:
            bar.stop()


def _start(console: Console | None) -> Bar:
    from rich.console import Console  # noqa: PLC0415 - a run without smoke tests does not pay for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    bar = Progress(
        TextColumn("smoke tests"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[test]}", markup=False),
        console=console or Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.start()
    return bar
