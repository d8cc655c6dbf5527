"""How much memory this process has, what it may have, and which objects of a namespace take most of it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.watch.host import room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ROWS = 1000  # of a table with texts, from which the rest is estimated
_ITEMS = 1000  # of a collection, from which the rest is estimated
_WATCHED = "_envaudit_boot"  # the program that started a watched kernel, under the name that it keeps


class Use(NamedTuple):
    """Bytes: in use now, at most so far, the limit and what sets it."""

    now: int
    peak: int
    limit: int
    why: str


class Measured(NamedTuple):
    """One object: its name, type and shape, bytes, and whether that is an estimate or shared with another object."""

    name: str
    kind: str
    size: int
    remark: str = ""


def look() -> Use:
    """Return the use of memory of this process and its effective limit."""
    now, peak = _resident()
    limit, why = _limit(now)
    return Use(now, max(now, peak), limit, why)


def _resident() -> tuple[int, int]:
    found = {"VmRSS:": 0, "VmHWM:": 0}
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if words and words[0] in found:
                found[words[0]] = int(words[1]) * 1024
    if not found["VmRSS:"]:
        import psutil  # noqa: PLC0415 - other systems than Linux

        found["VmRSS:"] = psutil.Process(os.getpid()).memory_info().rss
    return found["VmRSS:"], found["VmHWM:"]


def watched() -> int:
    """Return the limit in bytes of the watched kernel that this process is, 0 where it is none."""
    about = getattr(sys.modules.get(_WATCHED), "ABOUT", None)
    limit = about.get("limit") if isinstance(about, dict) else None
    return limit if isinstance(limit, int) else 0


def _limit(now: int) -> tuple[int, str]:
    """Return the limit of a watched kernel, else what this process could have: what is free, and what it has."""
    if watched():
        return watched(), "limit of this watched kernel"
    found = room()
    return (found.bytes + now, f"{found.why}, and what this kernel has") if "free" in found.why else found


def measured(names: Mapping[str, Any]) -> list[Measured]:
    """Return the objects of a namespace whose size is known, the largest first; of each only under one name."""
    found: list[Measured] = []
    seen: set[int] = set()
    for name, value in list(names.items()):
        if id(value) not in seen:
            seen.add(id(value))
            one = measure(name, value)
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda each: (-each.size, each.name))


def measure(name: str, value: Any) -> Measured | None:
    """Return the size of one object, ``None`` of one whose type is not known here."""
    kind = type(value)
    how = _HOW.get(kind.__module__.partition(".")[0])
    if how is None:
        return None
    try:
        found = how(value)
    except Exception:  # noqa: BLE001 - one odd object must not hide all others
        return None
    return None if found is None else Measured(name, _described(value), *found)


def _described(value: Any) -> str:
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        size = " x ".join(str(each) for each in shape) or "one value"
        data_type = getattr(value, "dtype", "")
        return f"{kind} {size}{f' {data_type}' if str(data_type) else ''}"[:80]
    return f"{kind} of {len(value):,}" if hasattr(value, "__len__") else kind


def _numpy(value: Any) -> tuple[int, str] | None:
    if not hasattr(value, "nbytes"):
        return None
    return int(value.nbytes), "part of another array" if getattr(value, "base", None) is not None else ""


def _pandas(value: Any) -> tuple[int, str] | None:
    if not hasattr(value, "memory_usage"):
        return None

    def total(each: Any, *, deep: bool) -> int:
        used = each.memory_usage(deep=deep)
        return int(used.sum()) if hasattr(used, "sum") else int(used)

    first = value[:_ROWS]
    more = (total(first, deep=True) - total(first, deep=False)) * len(value) // max(len(first), 1)
    return total(value, deep=False) + more, "estimated" if more and len(value) > _ROWS else ""


def _torch(value: Any) -> tuple[int, str] | None:
    if not (hasattr(value, "element_size") and hasattr(value, "nelement")):
        return None
    device = str(getattr(value, "device", "cpu"))
    return int(value.element_size() * value.nelement()), "" if device == "cpu" else f"on {device}"


def _sparse(value: Any) -> tuple[int, str] | None:
    parts = [getattr(value, part, None) for part in ("data", "indices", "indptr", "row", "col", "offsets")]
    found = [int(part.nbytes) for part in parts if part is not None and hasattr(part, "nbytes")]
    return (sum(found), "") if found else None


def _polars(value: Any) -> tuple[int, str] | None:
    return (int(value.estimated_size()), "") if hasattr(value, "estimated_size") else None


def _bytes(value: Any) -> tuple[int, str] | None:
    return (int(value.nbytes), "") if hasattr(value, "nbytes") else None


def _builtin(value: Any) -> tuple[int, str] | None:
    if isinstance(value, (bytes, bytearray, str)):
        return sys.getsizeof(value), ""
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        return None
    items = list(value.items() if isinstance(value, dict) else value)
    step = max(1, len(items) // _ITEMS)
    chosen = items[::step]
    parts = [part for item in chosen for part in (item if isinstance(value, dict) else (item,))]
    inside = sum(_size(part) for part in {id(part): part for part in parts}.values())
    return sys.getsizeof(value) + inside * step, "estimated" if step > 1 else ""


def _size(value: Any) -> int:
    """Return the size of an item of a collection; a collection inside counts without what it holds."""
    if type(value).__module__ == "builtins":
        return sys.getsizeof(value)
    found = measure("", value)
    return found.size if found is not None else 0


_HOW: dict[str, Callable[[Any], tuple[int, str] | None]] = {
    "builtins": _builtin,
    "numpy": _numpy,
    "pandas": _pandas,
    "geopandas": _pandas,
    "torch": _torch,
    "scipy": _sparse,
    "polars": _polars,
    "pyarrow": _bytes,
    "xarray": _bytes,
}
