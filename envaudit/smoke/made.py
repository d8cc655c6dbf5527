"""Smoke tests that are made for one environment: the import of every package, and of pairs in both orders."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

from envaudit.smoke.tests import SmokeTest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.model import Binary, Distribution

MOST_PAIRS = 24
_MOST_NAMES = 5  # of one distribution
# Modules that are no libraries: tests and papers that were packed by mistake, jokes, and what acts when imported.
_NOT_WORTH = frozenset({
    "antigravity", "benchmark", "benchmarks", "conftest", "doc", "docs", "example", "examples", "idlelib", "setup",
    "test", "tests", "testing", "this", "turtledemo", "sitecustomize", "usercustomize",
})  # fmt: skip
# Where the top-level package is only a folder that several share.
_WITHIN = {"protobuf": "google.protobuf.descriptor"}
_STUBS = re.compile(r"types-.*|.*-stubs")

# Libraries that meet in a process when two packages bring or need one, the most dangerous first. Some are linked into
# extension modules so that no file shows it: those packages are named.
_RUNTIMES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("OpenMP", re.compile(r"lib(?:[gi]?omp5?|iomp5md|omp140)\b"), "torch tensorflow scikit-learn xgboost lightgbm"),
    ("protobuf", re.compile(r"libprotobuf"), "protobuf tensorflow onnx onnxruntime grpcio pyarrow sentencepiece"),
    ("HDF5", re.compile(r"libhdf5"), "h5py tables netcdf4"),
    ("GDAL", re.compile(r"libgdal"), "rasterio fiona pyogrio gdal"),
    ("PROJ", re.compile(r"libproj"), "pyproj rasterio fiona pyogrio"),
    ("GEOS", re.compile(r"libgeos"), "shapely"),
    ("OpenSSL", re.compile(r"lib(?:ssl|crypto)\b"), "cryptography psycopg2-binary"),
    ("Arrow", re.compile(r"libarrow\b"), "pyarrow"),
    ("jemalloc or TCMalloc", re.compile(r"lib(?:jemalloc|tcmalloc)"), "pyarrow polars"),
    ("ICU", re.compile(r"libicu"), ""),
    ("Qt", re.compile(r"libQt[56]Core"), "pyside6 pyqt5 pyqt6 opencv-python"),
    ("SQLite", re.compile(r"libsqlite3"), ""),
    ("C++", re.compile(r"lib(?:std)?c\+\+"), ""),
)


def import_tests(distributions: Mapping[NormalizedName, Distribution]) -> tuple[SmokeTest, ...]:
    """Return an import test for each top-level package that is worth it, in a process that has imported nothing."""
    return tuple(_import(dist, name) for dist in distributions.values() for name in _worth(dist))


def pair_tests(
    distributions: Mapping[NormalizedName, Distribution], binaries: Iterable[Binary]
) -> tuple[SmokeTest, ...]:
    """Return imports of two packages in both orders, for pairs that bring the same runtime, and of each alone."""
    brought = _brought(distributions, binaries)
    chosen: dict[tuple[NormalizedName, NormalizedName], str] = {}
    for runtime, keys in brought.items():
        for one, other in combinations(sorted(keys), 2):
            if len(chosen) < MOST_PAIRS:
                chosen.setdefault((one, other), runtime)
    tests = {}
    for (one, other), runtime in chosen.items():
        for first, second in ((one, other), (other, one)):
            pair = _pair(distributions[first], distributions[second], runtime)
            tests[pair.name] = pair
            for key in (first, second):
                alone = _import(distributions[key], _main(distributions[key]))
                tests.setdefault(alone.name, alone)
    return tuple(tests.values())


def _brought(
    distributions: Mapping[NormalizedName, Distribution], binaries: Iterable[Binary]
) -> dict[str, set[NormalizedName]]:
    """Return for each runtime the distributions that bring it, only those that can be imported."""
    owners = {dist.info_path: key for key, dist in distributions.items() if _main(dist)}
    found: dict[str, set[NormalizedName]] = {runtime: set() for runtime, _, _ in _RUNTIMES}
    for binary in binaries:
        owner = owners.get(binary.owner)
        if owner is None or binary.facts is None:
            continue
        name = binary.path.rpartition("/")[2]
        for runtime, pattern, _ in _RUNTIMES:
            if pattern.match(name):
                found[runtime].add(owner)
    for runtime, _, known in _RUNTIMES:
        found[runtime].update(key for key in owners.values() if key in known.split())
    return found


def _worth(dist: Distribution) -> Sequence[str]:
    if _STUBS.fullmatch(dist.key):
        return ()
    names = [
        name
        for name in dist.top_level
        if name.isidentifier() and not name.startswith("_") and name not in _NOT_WORTH and not name.endswith("_stubs")
    ]
    likely = {dist.key.replace("-", "_"), dist.key.replace("-", ""), dist.name}
    return sorted(names, key=lambda name: (name.lower() not in likely, name))[:_MOST_NAMES]


def _main(dist: Distribution) -> str:
    """Return the module that loads a distribution's compiled files; empty when there is none to import."""
    return _WITHIN.get(dist.key) or next(iter(_worth(dist)), "")


def _import(dist: Distribution, name: str) -> SmokeTest:
    purpose = f"Import {name} in a process that has imported nothing else."
    return SmokeTest(f"import {name}", "", purpose, (dist.key,), kind="import", code=_code(purpose, (name,)))


def _pair(first: Distribution, second: Distribution, runtime: str) -> SmokeTest:
    names = (_main(first), _main(second))
    purpose = f"Import {names[0]}, then {names[1]}."
    return SmokeTest(
        f"import {names[0]}, {names[1]}",
        "",
        purpose,
        (second.key, first.key),
        kind="pair",
        trigger=f"both bring or use {runtime}",
        alone=(f"import {names[0]}", f"import {names[1]}"),
        code=_code(purpose, names),
    )


def _code(purpose: str, names: Sequence[str]) -> str:
    return "\n".join(_lines(purpose, names)) + "\n"


def _lines(purpose: str, names: Sequence[str]) -> Iterator[str]:
    yield f'"""{purpose}"""'
    yield ""
    yield ""
    yield "def run():"
    yield "    import importlib"
    yield ""
    for name in names:
        yield f"    importlib.import_module({name!r})"
