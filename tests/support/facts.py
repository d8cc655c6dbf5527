"""Facts as literals, for tests of checks: a target, what is installed, what compiled files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from envaudit.model import (
    Binary,
    BinaryFacts,
    Distribution,
    Facts,
    NumpyNeed,
    RunningNumpy,
    SiteDir,
    StructSizes,
    Target,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SITE = "/env/lib/python3.11/site-packages"


def make_target(python: str = "3.11.7", **changes: Any) -> Target:
    """Return a CPython venv on 64-bit Intel Linux with glibc 2.36; ``changes`` replace fields."""
    major, minor = (int(part) for part in python.split(".")[:2])
    markers = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }
    fields: dict[str, Any] = {
        "kind": "venv",
        "prefix": "/env",
        "base_prefix": "/usr",
        "executable": "/env/bin/python",
        "python": python,
        "version_info": (major, minor),
        "implementation": "CPython",
        "free_threaded": False,
        "platform": "linux-x86_64",
        "machine": "x86_64",
        "libc": "glibc 2.36",
        "site_dirs": (SiteDir(SITE),),
        "markers": markers,
        "chosen_by": "argument",
    }
    return Target(**{**fields, **changes})


def make_dist(name: str, version: str = "1.0", *requires: str, **fields: Any) -> Distribution:
    """Return one installed distribution."""
    info = f"{SITE}/{name.replace('-', '_')}-{version}.dist-info"
    defaults: dict[str, Any] = {
        "info_path": info,
        "site_dir": SITE,
        "metadata_path": f"{info}/METADATA",
        "top_level": (name.replace("-", "_"),),
        "has_record": True,
    }
    return Distribution(
        name=name, key=canonicalize_name(name), version=version, requires=requires, **{**defaults, **fields}
    )


def make_binary(owner: Distribution, path: str, numpy: NumpyNeed | None = None, **fields: Any) -> Binary:
    """Return one compiled file of a distribution; ``numpy`` is what it needs of NumPy."""
    facts = BinaryFacts(format="elf", machine="x86_64", bits=64, numpy=numpy)
    return Binary(path=path, site_dir=SITE, owner=owner.info_path, facts=facts, **fields)


# What the headers of released NumPys say: ABI number, C-API feature version, struct sizes on 64 bit.
_RELEASES = {
    "1.19.5": (0x01000009, 0x0D, StructSizes(96, 80, 216)),
    "1.21.6": (0x01000009, 0x0E, StructSizes(96, 88, 216)),
    "1.26.4": (0x01000009, 0x11, StructSizes(96, 96, 232)),
    "2.0.2": (0x02000000, 0x12, StructSizes(88, 96, 232)),
    "2.2.6": (0x02000000, 0x13, StructSizes(88, 96, 240)),
    "2.4.6": (0x02000000, 0x15, StructSizes(88, 96, 240)),
}


def make_numpy(version: str) -> tuple[Distribution, RunningNumpy]:
    """Return an installed NumPy and what its files say."""
    dist = make_dist("numpy", version)
    abi, feature, sizes = _RELEASES[version]
    return dist, RunningNumpy(version, abi, feature, sizes, f"{SITE}/numpy/_numpyconfig.h", dist.info_path)


def make_facts(
    distributions: Iterable[Distribution] = (),
    binaries: Sequence[Binary] = (),
    numpy: str = "",
    python: str = "3.11.7",
    **target: Any,
) -> Facts:
    """Return facts; ``numpy`` adds that release to the distributions."""
    running = make_numpy(numpy) if numpy else None
    return Facts(
        target=make_target(python, **target),
        distributions=(*distributions, *((running[0],) if running else ())),
        binaries=tuple(binaries),
        numpy=running[1] if running else None,
    )
