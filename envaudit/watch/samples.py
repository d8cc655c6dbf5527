"""Memory and processor use over time, thinned out so that a long run needs no more room than a short one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envaudit.watch.tree import Use

_MOST = 512
_LEAST_FOR_A_PLOT = 4
_HEIGHT, _LOW = 5, 3
_LEAST_STEP = 0.1  # seconds: the kernel counts processor time in hundredths


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
    columns = _columns([(sample[0], sample[1]) for sample in samples], width)
    top = max(columns) or 1.0
    lines = [*_bars(columns, top, _HEIGHT, _size), f"{'':>9} +{'-' * width} {samples[-1][0]:.1f} s"]
    if top > limit / 2:
        lines.append(f"{'':>9}  limit {_size(limit)}")
    return tuple(lines)


def plot_processors(samples: Sequence[Sequence[float]], width: int = 60) -> tuple[str, ...]:
    """Draw how many processors were in use over time; nothing for a run too short to draw."""
    if len(samples) < _LEAST_FOR_A_PLOT:
        return ()
    used = [
        (after[0], max(after[2] - before[2], 0.0) / (after[0] - before[0]))
        for before, after in _steps(samples, samples[-1][0] / width)
    ]
    columns = _columns(used, width)
    top = max(1.0, *columns)
    return (
        *_bars(columns, top, _LOW, lambda amount: f"{amount:.1f} CPU"),
        f"{'':>9} +{'-' * width} {samples[-1][0]:.1f} s",
    )


def _steps(samples: Sequence[Sequence[float]], least: float) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
    """Yield pairs of samples that are far enough apart for what they differ in to say something."""
    before = samples[0]
    for after in samples[1:]:
        if after[0] - before[0] >= max(least, _LEAST_STEP):
            yield before, after
            before = after


def _columns(values: Sequence[tuple[float, float]], width: int) -> list[float]:
    """Return the highest value for each column; a column without one is like the one before."""
    last = values[-1][0] if values else 1.0
    columns = [0.0] * width
    seen = [False] * width
    for at, value in values:
        column = min(int(at / (last or 1.0) * width), width - 1)
        columns[column] = max(columns[column], value)
        seen[column] = True
    for number in range(1, width):
        if not seen[number]:
            columns[number] = columns[number - 1]
    return columns


def _bars(columns: Sequence[float], top: float, height: int, label: Callable[[float], str]) -> Iterator[str]:
    for row in range(height, 0, -1):
        words = label(top * row / height) if row in {1, height} else ""
        bar = "".join("#" if value > top * (row - 0.5) / height else " " for value in columns)
        yield f"{words:>9} |{bar.rstrip()}"


def _size(amount: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def size(amount: float) -> str:
    """Return bytes in the unit that reads best."""
    return _size(amount)
