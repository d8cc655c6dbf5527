"""Memory and processor use over time, thinned out so that a long run needs no more room than a short one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.watch.tree import Use

_MOST = 512
_LEAST_FOR_A_PLOT = 4
_HEIGHT = 5


class Sample(NamedTuple):
    """Seconds since the start, bytes of memory, seconds of processor time so far."""

    at: float
    memory: int
    cpu: float


class Samples:
    """What was seen at each look."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._every = 1
        self._count = 0
        self._running = 0

    def add(self, at: float, memory: int, use: Use) -> None:
        """Keep one look; of a stretch that is thinned out, the one with most memory."""
        self._count += 1
        self._running += use.running
        sample = Sample(round(at, 3), memory, round(use.cpu, 3))
        if self._samples and self._count % self._every:
            if memory > self._samples[-1].memory:
                self._samples[-1] = sample
            return
        self._samples.append(sample)
        if len(self._samples) >= _MOST:
            pairs = zip(self._samples[::2], self._samples[1::2], strict=False)
            self._samples = [max(pair, key=lambda one: one.memory) for pair in pairs]
            self._every *= 2

    def kept(self) -> list[list[float]]:
        """Return the samples as plain values."""
        return [list(sample) for sample in self._samples]

    def crowded(self) -> float:
        """Return how many threads ran or wanted to run, on average."""
        return round(self._running / self._count, 2) if self._count else 0.0


def plot(samples: Sequence[Sequence[float]], limit: int, width: int = 60) -> tuple[str, ...]:
    """Draw the memory over time as lines of text; nothing for a run too short to draw."""
    if len(samples) < _LEAST_FOR_A_PLOT:
        return ()
    last = samples[-1][0] or 1.0
    columns = [0.0] * width
    for at, memory, *_ in samples:
        column = min(int(at / last * width), width - 1)
        columns[column] = max(columns[column], memory)
    for number in range(1, width):
        columns[number] = columns[number] or columns[number - 1]
    top = max(columns) or 1.0
    lines = []
    for row in range(_HEIGHT, 0, -1):
        label = _size(top * row / _HEIGHT) if row in {1, _HEIGHT} else ""
        bar = "".join("#" if value > top * (row - 0.5) / _HEIGHT else " " for value in columns)
        lines.append(f"{label:>9} |{bar.rstrip()}")
    lines.append(f"{'':>9} +{'-' * width} {last:.1f} s")
    if top > limit / 2:
        lines.append(f"{'':>9}  limit {_size(limit)}")
    return tuple(lines)


def _size(amount: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def size(amount: float) -> str:
    """Return bytes in the unit that reads best."""
    return _size(amount)
