"""Real packages: no test fails in an environment that works, and broken ones end as they really do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.gather import gather_facts
from envaudit.locate import TargetRequest, locate
from envaudit.smoke import SmokeOptions, run_smoke
from tests.support.environments import build_environment

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import SmokeResult

pytestmark = pytest.mark.network

NEW = "numpy scipy pandas scikit-learn matplotlib h5py pyarrow shapely numexpr pillow boost-histogram lxml jinja2"
OLD = (
    "numpy==1.21.6 scipy==1.7.3 pandas==1.3.5 scikit-learn==1.0.2 matplotlib==3.5.3 h5py==3.6.0 pyarrow==8.0.0"
    " numba==0.55.2"
)

# What most of the catalogue is about, apart from the largest.
WIDE = (
    f"{NEW}"
    " flask scikit-image imageio tifffile lz4 zstandard msgpack orjson pyyaml openpyxl duckdb protobuf zarr"
    " nbformat nbconvert ipython ipywidgets jupyter-client fastapi pydantic aiohttp httpx cryptography grpcio"
    " gevent tornado django regex psutil networkx sympy dask astropy bottleneck pyproj rtree geopandas rasterio"
    " safetensors tokenizers lightgbm onnxruntime pywavelets"
)


def smoke(folder: Path, python: str, requirements: str) -> dict[str, SmokeResult]:
    build_environment(folder, python, requirements.split(), "--only-binary", ":all:", "--compile-bytecode")
    facts = gather_facts(locate(TargetRequest(str(folder), None), {}, str(folder)))
    installed = {key: dist.version for key, dist in facts.visible().items()}
    outcome = run_smoke(facts.target, installed, SmokeOptions(timeout=120))
    assert outcome.gaps == ()
    return {result.test: result for result in outcome.results}


@pytest.mark.parametrize(
    ("python", "requirements", "least"),
    [("3.8", OLD, 25), ("3.9", NEW, 25), ("3.11", WIDE, 75), ("3.13", NEW, 28)],
)
def test_nothing_fails_where_nothing_is_broken(tmp_path: Path, python: str, requirements: str, least: int) -> None:
    results = smoke(tmp_path / "env", python, requirements)
    assert len(results) >= least
    # A known crash of a release is no defect of the environment's ordinary use.
    usual = [result for result in results.values() if result.kind != "regression"]
    assert [result for result in usual if result.end != "ok" or result.leftovers] == []


def test_a_package_for_the_other_numpy_raises(tmp_path: Path) -> None:
    results = smoke(tmp_path / "env", "3.11", "pandas==2.0.3 numpy==2.0.2")
    ends = {test: result.end for test, result in results.items()}
    assert {ends[test] for test in ends if test.startswith("pandas.")} == {"exception"}
    assert {ends[test] for test in ends if test.startswith("numpy.")} == {"ok"}
    assert "numpy.dtype size changed" in results["pandas.groupby"].error


@pytest.mark.parametrize(
    ("test", "requirements"),
    [
        ("boost_histogram.fill", "boost-histogram==1.4.0"),
        ("qdldl.solve", "qdldl==0.1.7.post0 scipy==1.13.1"),
    ],
)
def test_silently_wrong_numbers(tmp_path: Path, test: str, requirements: str) -> None:
    assert smoke(tmp_path / "bad", "3.11", f"{requirements} numpy==2.0.2")[test].end == "wrong-result"
    good = smoke(tmp_path / "good", "3.11", f"{requirements} numpy==1.26.4")
    assert {result.end for result in good.values()} == {"ok"}
