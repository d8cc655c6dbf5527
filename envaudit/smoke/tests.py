"""The smoke tests: which distributions each needs, and what it tries.

A file of the catalogue runs under any Python from 3.6 on, with any release of what it needs, and knows the right
answer beforehand. Whatever an older release lacks is left out there: a test must never fail in a healthy environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from packaging.utils import NormalizedName


class SmokeTest(NamedTuple):
    """One test: ``needs`` must all be installed and, where ``any_of`` is not empty, one of those.

    The distribution under test is the installed one of ``any_of``, else the first of ``needs``. ``file`` lies in the
    catalogue; ``purpose`` is the first line of its docstring.
    """

    name: str
    file: str
    purpose: str
    needs: tuple[NormalizedName, ...]
    any_of: tuple[NormalizedName, ...] = ()


def _test(name: str, file: str, purpose: str, needs: str, any_of: str = "") -> SmokeTest:
    """Split the names, which are written in their normalised form."""
    return SmokeTest(name, file, purpose, _names(needs), _names(any_of))


def _names(text: str) -> tuple[NormalizedName, ...]:
    return tuple(cast("NormalizedName", name) for name in text.split())


_OPENCV = "opencv-python opencv-python-headless opencv-contrib-python opencv-contrib-python-headless"

# fmt: off
SMOKE_TESTS: tuple[SmokeTest, ...] = (
    _test("numpy.matmul", "numpy_matmul.py",
          "Products of matrices with known entries, in four number types.",
          "numpy"),
    _test("numpy.linalg", "numpy_linalg.py",
          "Singular values, eigenvalues, inverse and determinant of matrices where they are known.",
          "numpy"),
    _test("numpy.random", "numpy_random.py",
          "The Mersenne Twister's published 10,000th number, and properties of the newer generators.",
          "numpy"),
    _test("numpy.fft", "numpy_fft.py",
          "Fourier transform of a cosine, and back.",
          "numpy"),
    _test("scipy.linalg.solve", "scipy_linalg_solve.py",
          "Solve small systems of equations with whole-number solutions.",
          "scipy numpy"),
    _test("scipy.linalg.lu", "scipy_linalg_decompositions.py",
          "Factor matrices (LU, Cholesky, QR) and multiply the factors again.",
          "scipy numpy"),
    _test("scipy.sparse.linalg.spsolve", "scipy_sparse_spsolve.py",
          "Solve a sparse tridiagonal system whose solution is known.",
          "scipy numpy"),
    _test("scipy.fft", "scipy_fft.py",
          "Fourier and cosine transforms with known coefficients.",
          "scipy numpy"),
    _test("scipy.special", "scipy_special.py",
          "Special functions at points where their values are known.",
          "scipy numpy"),
    _test("scipy.optimize", "scipy_optimize.py",
          "A root, a minimum and a fit whose answers are known.",
          "scipy numpy"),
    _test("scipy.integrate", "scipy_integrate.py",
          "Integrals and a differential equation with known solutions.",
          "scipy numpy"),
    _test("scipy.stats", "scipy_stats.py",
          "Probabilities and a correlation that are known.",
          "scipy numpy"),
    _test("pandas.groupby", "pandas_groupby.py",
          "Sums and means by group.",
          "pandas numpy"),
    _test("pandas.merge", "pandas_merge.py",
          "Join two tables, sort them and fill what is missing.",
          "pandas numpy"),
    _test("pandas.read_csv", "pandas_csv.py",
          "Write a table as CSV into memory and read it again.",
          "pandas numpy"),
    _test("pandas.to_datetime", "pandas_datetime.py",
          "Dates from repeated texts, differences, months and time zones.",
          "pandas numpy"),
    _test("sklearn.LinearRegression", "sklearn_linear_regression.py",
          "Fit a plane through points that lie on it.",
          "scikit-learn numpy scipy"),
    _test("sklearn.KMeans", "sklearn_kmeans.py",
          "Find two well separated groups of points.",
          "scikit-learn numpy scipy"),
    _test("matplotlib.png", "matplotlib_png.py",
          "Draw a figure with text into a PNG in memory.",
          "matplotlib numpy"),
    _test("contourpy.lines", "contourpy_lines.py",
          "A contour line of an inclined plane.",
          "contourpy numpy"),
    _test("pillow.png", "pillow_round_trip.py",
          "Write a picture as PNG into memory and read it again.",
          "pillow"),
    _test("h5py.file", "h5py_round_trip.py",
          "Write a file in memory, compressed, and read it again.",
          "h5py numpy"),
    _test("tables.file", "tables_round_trip.py",
          "Write an array into a file in memory and read it again.",
          "tables numpy"),
    _test("netCDF4.dataset", "netcdf4_round_trip.py",
          "Write a data set in memory and read it again.",
          "netcdf4 numpy"),
    _test("pyarrow.table", "pyarrow_table.py",
          "Build a table, send it through an in-memory stream and read it again.",
          "pyarrow"),
    _test("pyarrow.numpy", "pyarrow_numpy.py",
          "Hand numbers from NumPy to Arrow and back.",
          "pyarrow numpy"),
    _test("pyarrow.parquet", "pyarrow_parquet.py",
          "Write a Parquet file in memory and read it again.",
          "pyarrow"),
    _test("polars.frame", "polars_frame.py",
          "Filter, sort and add up a small table.",
          "polars"),
    _test("xarray.mean", "xarray_mean.py",
          "Mean along a named dimension, and selection by label.",
          "xarray numpy pandas"),
    _test("numba.njit", "numba_njit.py",
          "Compile a loop over an array and run it.",
          "numba numpy"),
    _test("numexpr.evaluate", "numexpr_evaluate.py",
          "Evaluate an expression over arrays.",
          "numexpr numpy"),
    _test("statsmodels.OLS", "statsmodels_ols.py",
          "Least squares on points that lie on a line.",
          "statsmodels numpy scipy pandas"),
    _test("torch.matmul", "torch_tensor.py",
          "Multiply and differentiate small tensors.",
          "torch"),
    _test("torch.from_numpy", "torch_numpy.py",
          "Share memory between a tensor and a NumPy array.",
          "torch numpy"),
    _test("cv2.resize", "opencv_pixels.py",
          "Resize and recolour single pixels whose result is known.",
          "numpy", _OPENCV),
    _test("shapely.area", "shapely_area.py",
          "Areas and the intersection of two squares.",
          "shapely"),
    _test("pywt.dwt", "pywavelets_haar.py",
          "Haar transform of four numbers, and back.",
          "pywavelets numpy"),
    _test("boost_histogram.fill", "boost_histogram_counts.py",
          "Edges and counts of a small histogram.",
          "boost-histogram numpy"),
    _test("qdldl.solve", "qdldl_solve.py",
          "Solve a sparse symmetric system.",
          "qdldl numpy scipy"),
    _test("lxml.xpath", "lxml_xpath.py",
          "Parse a document and ask it by XPath.",
          "lxml"),
    _test("flask.request", "flask_request.py",
          "Answer one request inside the process.",
          "flask"),
    _test("jinja2.render", "jinja2_render.py",
          "Fill in a template.",
          "jinja2"),
    _test("sqlalchemy.select", "sqlalchemy_select.py",
          "Create, fill and ask a database in memory.",
          "sqlalchemy"),
    _test("requests.prepare", "requests_prepare.py",
          "Prepare a request without sending it.",
          "requests"),
    _test("zmq.pair", "pyzmq_pair.py",
          "Send a message between two sockets of one process.",
          "pyzmq"),
    _test("ipykernel.import", "ipykernel_import.py",
          "Import what a Jupyter kernel starts with.",
          "ipykernel"),
)
# fmt: on
