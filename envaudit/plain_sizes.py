"""Sizes of memory as people say them."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def in_words(size: float) -> str:
    """Return a number of bytes as ``74.5 GiB``: three digits, as NumPy says it when there is not enough."""
    value = float(size)
    unit = 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 0 if unit == 0 or value >= 100 else 1
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} {_UNITS[unit]}"
