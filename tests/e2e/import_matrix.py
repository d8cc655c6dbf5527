"""Hold the verdict on every compiled module against what happens when it is loaded.

    python -m tests.e2e.import_matrix [--wheels 90] [--minutes 30] [--python 3.11] [--only NAME]

Each wheel is unpacked alone, each of its extension modules is loaded alone in a child process of the Python it was
made for, once with every NumPy of ``NUMPYS``. A *wrong alarm* is a module that was said to fail and loads, a *miss* is
one that fails with a text of NumPy's or Cython's though nothing was said. *Fails otherwise* is a failure with another
text than the one that was predicted. What fails for another reason (a dependency is not there) shows nothing and is
counted as *other*.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.binary import code_for, read_binary, running_numpy
from envaudit.checks.abi import check_numpy_abi
from envaudit.errors import ReadError
from envaudit.model import Binary, Facts, Finding
from tests.support.environments import BuildError, find_python, run_uv
from tests.support.facts import make_dist, make_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CHILD = Path(__file__).parent / "data" / "load_alone.py"

# The NumPys that each Python can have.
NUMPYS = {
    "3.8": ("1.17.5", "1.20.3", "1.23.5", "1.24.4"),
    "3.9": ("1.20.3", "1.23.5", "1.26.4", "2.0.2"),
    "3.11": ("1.23.5", "1.26.4", "2.0.2", "2.4.6"),
    "3.12": ("1.26.4", "2.0.2", "2.5.2"),
}
# Small pure Python packages that modules ask for before they ask NumPy.
COMPANIONS = ("python-dateutil", "pytz", "six", "packaging", "tzdata", "threadpoolctl", "typing-extensions", "joblib")
# Modules made by Cython ask SciPy for BLAS and LAPACK after they asked NumPy; these releases fit most of the NumPys.
SCIPY = {"3.8": "scipy==1.5.4", "3.9": "scipy==1.13.1", "3.11": "scipy==1.13.1", "3.12": "scipy==1.13.1"}
# Modules that ask NumPy when they are used, not when they are loaded: those of numba when a first function is called
# (a fingerprint of an array then ends the process).
LATER = ("numba/_dispatcher.",)

WHEELS = {
    "3.8": """
        pandas==1.0.5 scipy==1.4.1 matplotlib==3.1.3 scikit-learn==0.22.2.post1 h5py==2.10.0 numexpr==2.7.3
        gensim==3.8.3 astropy==4.3.1 statsmodels==0.12.2 tables==3.6.1 numba==0.48.0 spacy==2.3.9 cvxopt==1.2.6
        pywavelets==1.1.1 netCDF4==1.5.8 matplotlib==3.5.3 pandas==1.3.5 scikit-learn==1.0.2 h5py==3.1.0
        pyarrow==0.17.1 scikit-image==0.18.3 polars==0.18.15 bottleneck==1.3.4 shapely==2.0.1 cftime==1.5.1
    """,
    "3.9": """
        pandas==1.2.5 matplotlib==3.4.3 numexpr==2.8.4 h5py==3.7.0 statsmodels==0.13.2 scikit-learn==0.24.2
        contourpy==1.0.7 pyerfa==2.0.1.1 numba==0.56.4 gensim==4.3.0 pywavelets==1.3.0 bottleneck==1.3.7
        tables==3.7.0 shapely==2.0.4 astropy==5.3.4 blis==0.7.11 tokenizers==0.13.3 thinc==8.1.5 cftime==1.6.3
        pycocotools==2.0.7 boost-histogram==1.3.2 pandas==2.2.2
    """,
    "3.11": """
        pandas==2.0.3 numexpr==2.8.4 numexpr==2.10.1 matplotlib==3.7.5 matplotlib==3.8.4 matplotlib==3.9.4
        contourpy==1.0.7 contourpy==1.2.0 contourpy==1.2.1 h5py==3.10.0 h5py==3.12.1 astropy==6.1.0 blis==0.7.11
        boost-histogram==1.3.2 boost-histogram==1.5.0 bottleneck==1.3.7 bottleneck==1.4.0 cftime==1.6.3
        cftime==1.6.4 cvxopt==1.3.2 cvxpy==1.4.2 ecos==2.0.12 faiss-cpu==1.7.4 faiss-cpu==1.8.0 faiss-cpu==1.9.0
        fastparquet==2023.10.1 fastparquet==2024.5.0 gensim==4.3.3 hdbscan==0.8.40 highspy==1.5.3 iminuit==2.24.0
        implicit==0.7.2 ml-dtypes==0.2.0 ml-dtypes==0.4.0 netCDF4==1.6.5 netCDF4==1.7.2 numba==0.59.1
        numba==0.60.0 numcodecs==0.12.1 onnxruntime==1.17.1 onnxruntime==1.19.2 osqp==0.6.3 pandas==1.5.3
        pandas==2.2.2 pyfftw==0.13.1 pyproj==3.6.1 pywavelets==1.5.0 pywavelets==1.6.0 rapidfuzz==3.9.3
        scikit-image==0.22.0 scikit-learn==1.3.2 scikit-learn==1.5.0 scs==3.2.4.post3 shap==0.44.1
        shapely==1.8.5.post1 shapely==2.0.1 shapely==2.0.6 spacy==3.4.4 spacy==3.8.2 statsmodels==0.14.0
        statsmodels==0.14.2 tables==3.8.0 tables==3.10.1 thinc==8.3.2 tokenizers==0.15.2 tokenizers==0.20.3
        zfpy==1.0.0 pyerfa==2.0.1.4
    """,
    "3.12": """
        pandas==2.1.4 pandas==2.2.3 scikit-learn==1.3.2 matplotlib==3.8.2 numexpr==2.9.0 h5py==3.10.0 h5py==3.14.0
        numba==0.59.1 contourpy==1.2.0 statsmodels==0.14.1 bottleneck==1.3.8 shapely==2.0.2 pywavelets==1.5.0
        tables==3.9.2 cftime==1.6.3 astropy==6.0.0 gensim==4.3.3 scikit-learn==1.7.2 ml-dtypes==0.5.3
        numexpr==2.13.1
    """,
}

WRONG = {"WRONG ALARM", "MISSED", "fails otherwise"}


class Loaded(NamedTuple):
    """One module with one NumPy: what was predicted and what happened.

    ``predicted`` is ``ok``, ``size``, ``abi`` or ``unknown``; ``actual`` is ``ok``, ``size``, ``abi`` or ``other``.
    """

    python: str
    numpy: str
    wheel: str
    path: str
    predicted: str
    actual: str
    sentence: str
    text: str

    @property
    def verdict(self) -> str:
        """Compare both; ``fails otherwise`` is a failure that was predicted with another text."""
        if self.actual == "other":
            return "other"
        if self.predicted == "unknown":
            return "not claimed"
        if self.predicted == "ok":
            return "ok" if self.actual == "ok" else "MISSED"
        if self.actual == "ok":
            return "fails later" if self.path.startswith(LATER) else "WRONG ALARM"
        if self.predicted != self.actual or (self.predicted == "size" and self.sentence not in self.text):
            return "fails otherwise"
        return "fails"


def mixed(pythons: Iterable[str]) -> list[tuple[str, str]]:
    """Return the wheels of all Pythons in turn, so that a part of them is a sample of all."""
    lists = {python: WHEELS[python].split() for python in pythons}
    longest = max(map(len, lists.values()))
    order = []
    for place in range(longest):
        for python, names in lists.items():
            # Long lists are taken faster, so that all end together.
            first, end = (step * len(names) // longest for step in (place, place + 1))
            order += [(python, name) for name in names[first:end]]
    return order


def modules_of(root: Path) -> list[str]:
    """Return the compiled files that could be imported: not what a repair tool bundled."""
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.so"))
    return [path for path in found if all(folder.isidentifier() for folder in path.split("/")[:-1])]


def predict(folder: Path, paths: Sequence[str], numpy_folder: Path, version: str) -> dict[str, tuple[str, str]]:
    """Judge each module as an owner of its own, so that each gets its own sentence."""
    running = running_numpy(str(numpy_folder / "numpy"), version, "numpy.dist-info")
    dists, binaries, unread = [], [], {}
    for count, path in enumerate(paths):
        dist = make_dist(f"module-{count}", info_path=path, site_dir=str(folder))
        try:
            facts = read_binary(str(folder / path), code_for(running))
        except ReadError as error:
            unread[path] = ("unknown", str(error))
            continue
        dists.append(dist)
        binaries.append(Binary(path, str(folder), dist.info_path, facts))
    own = make_dist("numpy", version, info_path="numpy.dist-info")
    answers = dict.fromkeys(paths, ("ok", "")) | unread
    by_key = {str(dist.key): dist.info_path for dist in dists}
    for item in check_numpy_abi(Facts(make_target(), (*dists, own), tuple(binaries), running)):
        if isinstance(item, Finding):
            if item.code != "ABI002":  # imports all the same
                answers[by_key[item.distribution]] = ("size" if "size changed" in item.symptom else "abi", item.symptom)
        elif answers[path := str(Path(item.what).relative_to(folder))][0] == "ok":
            answers[path] = ("unknown", item.why)
    return answers


def load(python: str, numpy_folder: Path, folder: Path, companions: Path, paths: Sequence[str]) -> dict[str, Any]:
    """Load each module in the Python it was made for; return the answers by path."""
    done = subprocess.run(
        [find_python(python), "-I", str(CHILD), str(numpy_folder), str(folder), str(companions)],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        timeout=60 + 61 * len(paths),
        check=False,
        env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
    )
    answers = {answer["path"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    if set(answers) != set(paths):
        raise AssertionError(f"{folder.name}: {len(answers)} of {len(paths)} modules were tried: {done.stderr[-2000:]}")
    return answers


class Matrix:
    """Unpacked NumPys and companions, in a scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch

    def unpack(self, python: str, *requirements: str) -> Path:
        """Unpack wheels alone, once; raises ``BuildError``."""
        folder = self._scratch / f"{python}-{requirements[0]}"
        if not folder.exists():
            options = ("--python", find_python(python), "--no-deps", "--only-binary", ":all:")
            run_uv("pip", "install", "--quiet", "--target", str(folder), *options, *requirements)
        return folder

    def run(self, python: str, wheel: str, numpys: Sequence[str] = ()) -> Iterator[Loaded]:
        """Try one wheel with some NumPys, by default with every one of its Python; raises ``BuildError``."""
        companions = self.unpack(python, *COMPANIONS, SCIPY[python])
        folder = self.unpack(python, wheel)
        paths = modules_of(folder)
        for version in numpys or NUMPYS[python]:
            numpy_folder = self.unpack(python, f"numpy=={version}")
            said = predict(folder, paths, numpy_folder, version)
            for path, answer in load(python, numpy_folder, folder, companions, paths).items():
                yield Loaded(python, version, wheel, path, said[path][0], answer["kind"], said[path][1], answer["text"])
        shutil.rmtree(folder)


def run_all(wheels: Iterable[tuple[str, str]], scratch: Path, minutes: float) -> tuple[list[Loaded], list[str]]:
    """Try wheels until the time is used up; return what came out and what could not be unpacked."""
    deadline = time.monotonic() + minutes * 60
    matrix = Matrix(scratch)
    rows: list[Loaded] = []
    problems = []
    for python, wheel in wheels:
        if time.monotonic() > deadline:
            problems.append(f"{wheel} for {python}: no time left")
            continue
        try:
            new = list(matrix.run(python, wheel))
        except BuildError as error:
            problems.append(f"{wheel} for {python}: {str(error).splitlines()[-1]}")
            continue
        rows += new
        counts = Counter(row.verdict for row in new)
        said = ", ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items()))
        print(f"{python:5} {wheel:28} {said}", flush=True)
        for row in new:
            if row.verdict in WRONG:
                print(f"    {row.verdict}: {row.path} with numpy {row.numpy}")
                print(f"        said: {row.predicted} {row.sentence}")
                print(f"        came: {row.actual} {row.text[:300]}", flush=True)
    return rows, problems


def table(rows: Sequence[Loaded]) -> str:
    """Count by Python and NumPy, one line each and one for all."""
    verdicts = ("fails", "fails later", "fails otherwise", "ok", "WRONG ALARM", "MISSED", "not claimed", "other")
    lines = [f"{'python numpy':15}" + "".join(f"{verdict:>16}" for verdict in verdicts)]
    keys = sorted({(row.python, row.numpy) for row in rows}, key=lambda key: [int(x) for x in ".".join(key).split(".")])
    for key in [*keys, None]:
        counts = Counter(row.verdict for row in rows if key in {(row.python, row.numpy), None})
        name = " ".join(key) if key else "all"
        lines.append(f"{name:15}" + "".join(f"{counts[verdict]:16}" for verdict in verdicts))
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; the exit status is 1 when a verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--python", action="append", choices=sorted(NUMPYS))
    parser.add_argument("--only", action="append", default=[], help="a wheel, such as pandas==2.0.3")
    parser.add_argument("--rows", type=Path, help="write all rows to this file, as JSON lines")
    chosen = parser.parse_args()
    wheels = [item for item in mixed(chosen.python or NUMPYS) if not chosen.only or item[1] in chosen.only]
    scratch = Path(tempfile.mkdtemp(prefix="envaudit-matrix-"))
    try:
        rows, problems = run_all(wheels[: chosen.wheels], scratch, chosen.minutes)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if chosen.rows:
        chosen.rows.write_text("".join(json.dumps(row._asdict()) + "\n" for row in rows), encoding="utf-8")
    for problem in problems:
        print(f"not tried: {problem}")
    print(table(rows))
    modules = {(row.python, row.wheel, row.path) for row in rows}
    print(f"{len({module[:2] for module in modules})} wheels, {len(modules)} modules, {len(rows)} pairs with a NumPy")
    return int(any(row.verdict in WRONG for row in rows))


if __name__ == "__main__":
    sys.exit(main())
