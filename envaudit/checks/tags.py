"""Which wheel tags a target supports, worked out from what is known about it, not from the running interpreter."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.tags import Tag

    from envaudit.model import Target

# PEP 600: the older names of manylinux stand for these versions of glibc.
_LEGACY_MANYLINUX = {(2, 5): "manylinux1", (2, 12): "manylinux2010", (2, 17): "manylinux2014"}
# No wheel can be tagged below: manylinux1 is the oldest, and aarch64 and others began with manylinux2014.
_OLDEST_GLIBC = 5
_NEWEST_LIBC = ("glibc 2.99", "musl 1.9")
_NAMES = re.compile("|".join(sorted(_LEGACY_MANYLINUX.values(), reverse=True)))
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")


class Fit(enum.Enum):
    """Whether one of a wheel's tags fits the target."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def fits(tags: Sequence[str], target: Target) -> Fit:
    """Compare the ``Tag`` lines of a WHEEL file with what the target supports.

    ``UNKNOWN`` is the answer when a tag fails only because the target's libc or platform is not known.
    """
    if any(_plainly_fits(tag, target) for tag in tags):
        return Fit.YES
    from packaging.tags import parse_tag  # noqa: PLC0415  28 ms that plain tags save

    wanted: set[Tag] = set()
    for text in tags:
        try:
            wanted |= parse_tag(text)
        except ValueError:
            return Fit.UNKNOWN
    python = "pp" if target.implementation.lower() == "pypy" else "cp"
    abi_flag = "t" if target.free_threaded else ""
    names = {str(tag) for tag in wanted}

    def supports(libc: str) -> bool:
        return not names.isdisjoint(_supported(target.version_info, python, abi_flag, target.platform, libc))

    if supports(target.libc):
        return Fit.YES
    if not target.platform:
        return Fit.UNKNOWN
    if target.platform.startswith("linux-") and not any(char.isdigit() for char in target.libc):
        # Only its version or not even its name is known: what no C library supports does not fit this one either.
        newest = [libc for libc in _NEWEST_LIBC if libc.startswith(target.libc)]
        return Fit.UNKNOWN if any(supports(libc) for libc in newest) else Fit.NO
    return Fit.NO


def supported_summary(target: Target) -> str:
    """Describe what the target supports in the terms of a tag, for a reader."""
    digits = f"{target.version_info[0]}{target.version_info[1]}"
    python = f"pp{digits}" if target.implementation.lower() == "pypy" else f"cp{digits}"
    abi = python + ("t" if target.free_threaded else "")
    libc = f" with {target.libc}" if target.libc else ""
    return f"{python}-{abi}, {python}-abi3 or py3-none on {target.platform or 'an unknown platform'}{libc}"


def _plainly_fits(tag: str, target: Target) -> bool:
    """Recognise the tags of nearly every installed wheel without the machinery: true only when certain."""
    if tag in {"py3-none-any", "py2.py3-none-any"}:
        return True
    python, _, rest = tag.partition("-")
    abi, _, platform = rest.partition("-")
    major, minor = target.version_info
    if target.implementation.lower() != "cpython" or target.free_threaded or major != 3:
        return False
    of_stable_abi = abi == "abi3" and python.startswith("cp3") and python[3:].isdigit() and int(python[3:]) <= minor
    if not (abi == python == f"cp3{minor}" or of_stable_abi or (abi == "none" and python in {"py3", "py2.py3"})):
        return False
    libc, _, version = target.libc.partition(" ")
    match = _MANYLINUX.fullmatch(_NAMES.sub(_newer_name, platform, count=1))
    if match is None or libc != "glibc" or match[3] != target.machine or not target.platform.startswith("linux"):
        return False
    try:
        have = tuple(int(part) for part in version.split("."))
    except ValueError:
        return False
    return (int(match[1]), int(match[2])) <= have


def _newer_name(match: re.Match[str]) -> str:
    """Return the newer form of an older name of manylinux."""
    (version,) = (version for version, name in _LEGACY_MANYLINUX.items() if name == match[0])
    return f"manylinux_{version[0]}_{version[1]}"


@lru_cache(maxsize=4)
def _supported(version: tuple[int, int], python: str, abi_flag: str, platform: str, libc: str) -> frozenset[str]:
    """Return every tag of the target as text."""
    from packaging import tags  # noqa: PLC0415  28 ms that plain tags save

    # packaging takes an empty list for a question about the interpreter it runs on.
    platforms = list(_platforms(platform, libc)) or ["unknown"]
    digits = f"{version[0]}{version[1]}"
    if python == "pp":
        abis = [f"pypy{digits}_pp73"]
        found = {str(tag) for tag in tags.generic_tags(interpreter=f"pp{digits}", abis=abis, platforms=platforms)}
        interpreter = f"pp{digits}"
    else:
        # Before 3.8 the ABI tag carried an `m` for pymalloc.
        abi = f"cp{digits}" + ("m" if version < (3, 8) else "") + abi_flag
        found = {str(tag) for tag in tags.cpython_tags(python_version=version, abis=[abi], platforms=platforms)}
        interpreter = f"cp{digits}"
    compatible = tags.compatible_tags(python_version=version, interpreter=interpreter, platforms=platforms)
    return frozenset(found | {str(tag) for tag in compatible})


def _platforms(platform: str, libc: str) -> Iterator[str]:
    """Yield the platform tags of a target, best first."""
    system, _, machine = platform.partition("-")
    if system == "linux":
        yield from _linux_platforms(machine, libc)
    elif system == "macosx":
        from packaging.tags import mac_platforms  # noqa: PLC0415

        # No file of an environment names the macOS it runs on, so every version counts as new enough.
        yield from mac_platforms((99, 0), machine)
    elif platform:
        yield platform.replace("-", "_")


def _linux_platforms(machine: str, libc: str) -> Iterator[str]:
    name, _, version = libc.partition(" ")
    numbers = [int(part) for part in version.split(".") if part.isdigit()]
    if name == "glibc" and len(numbers) >= 2:
        for minor in range(numbers[1], _OLDEST_GLIBC - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if (2, minor) in _LEGACY_MANYLINUX:
                yield f"{_LEGACY_MANYLINUX[2, minor]}_{machine}"
    elif name == "musl" and len(numbers) >= 2:
        for minor in range(numbers[1], -1, -1):
            yield f"musllinux_1_{minor}_{machine}"
    yield f"linux_{machine}"
