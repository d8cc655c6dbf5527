"""ABI001 to ABI004: every kind of build against old and new NumPys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.checks.abi import check_numpy_abi
from envaudit.checks.importing import Imports
from envaudit.model import Confidence, Finding, Gap, ImportPath, NumpyNeed, Severity, StructSizes, replace
from tests.support.facts import make_binary, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import Facts

C1 = NumpyNeed("c-api", "1.x", feature=0x0D, feature_from="argument")
C1_UNKNOWN = NumpyNeed("c-api", "1.x")
C2 = NumpyNeed("c-api", "2.x", feature=0x10, feature_from="text", feature_text="1.23")
C2_NEW = NumpyNeed("c-api", "2.x", feature=0x14, feature_from="text", feature_text="2.3")
C_BOTH = NumpyNeed("c-api", "both", feature=0x0D, feature_from="text")
CYTHON_1 = NumpyNeed("cython", "1.x", "cython", expects=StructSizes(96, 80, 216))
CYTHON_1_UNKNOWN = NumpyNeed("cython", "1.x", "cython")
CYTHON_OLD_SMALL = NumpyNeed("cython", "1.x", "cython", expects=StructSizes(88, 80, 192))
CYTHON_2 = NumpyNeed("cython", "2.x", "cython", expects=StructSizes(32, 80, 216))
CYTHON_122 = NumpyNeed("c-api", "1.x", "cython", feature=0x0F, expects=StructSizes(96, 96, 232))
PYBIND_1 = NumpyNeed("by-name", "1.x", "pybind11")
PYBIND_2 = NumpyNeed("by-name", "2.x", "pybind11")
RUST_1 = NumpyNeed("by-name", "1.x", "rust")


def _facts(need: NumpyNeed | None, numpy: str, name: str = "pandas", version: str = "2.0.3") -> Facts:
    dist = make_dist(name, version, "numpy>=1.20")
    return make_facts([dist], [make_binary(dist, f"{name}/_lib.cpython-311-x86_64-linux-gnu.so", need)], numpy)


def _codes(facts: Facts) -> list[str]:
    return [item.code + ("" if isinstance(item, Finding) else " gap") for item in check_numpy_abi(facts)]


@pytest.mark.parametrize(
    ("need", "numpy", "expected"),
    [
        (None, "2.2.6", []),
        (C1, "2.2.6", ["ABI001"]),
        (C1_UNKNOWN, "2.2.6", ["ABI001"]),
        (C1, "1.26.4", []),
        (C1_UNKNOWN, "1.26.4", []),
        (C1_UNKNOWN, "1.21.6", ["ABI003 gap"]),
        (C2, "2.2.6", []),
        (C2, "1.26.4", []),
        (C2, "1.21.6", ["ABI003"]),
        (C2_NEW, "2.2.6", ["ABI003"]),
        (C2_NEW, "2.4.6", []),
        (C2_NEW, "1.26.4", ["ABI003"]),
        (C_BOTH, "2.2.6", []),
        (CYTHON_1, "2.2.6", ["ABI001"]),
        (CYTHON_1_UNKNOWN, "2.2.6", ["ABI001"]),
        (CYTHON_OLD_SMALL, "2.2.6", []),
        (CYTHON_1, "1.26.4", []),
        (CYTHON_2, "2.2.6", []),
        (CYTHON_2, "1.26.4", []),
        (CYTHON_122, "1.26.4", []),
        (CYTHON_122, "1.21.6", ["ABI004"]),
        (CYTHON_122, "2.0.2", ["ABI001"]),
        (PYBIND_1, "2.2.6", ["ABI002"]),
        (PYBIND_1, "1.26.4", []),
        (PYBIND_2, "2.2.6", []),
        (RUST_1, "2.2.6", ["ABI002"]),
        (RUST_1, "1.26.4", []),
    ],
)
def test_every_kind_of_build(need: NumpyNeed | None, numpy: str, expected: list[str]) -> None:
    assert _codes(_facts(need, numpy)) == expected


def _only(facts: Facts) -> Finding:
    (finding,) = check_numpy_abi(facts)
    assert isinstance(finding, Finding)
    return finding


def test_the_sentence_of_a_size_check_is_the_one_the_user_will_read() -> None:
    assert _only(_facts(CYTHON_1, "2.2.6")).symptom == (
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. "
        "Expected 96 from C header, got 88 from PyObject"
    )
    assert _only(_facts(CYTHON_122, "1.21.6")).symptom == (
        "ValueError: numpy.ndarray size changed, may indicate binary incompatibility. "
        "Expected 96 from C header, got 88 from PyObject"
    )


def test_a_module_that_asks_numpy_first_fails_with_numpys_sentence() -> None:
    """Cython 3 calls import_array() on its own before it compares sizes."""
    asks = replace(CYTHON_122, asks_first=True)
    path = "pandas/_lib.cpython-311-x86_64-linux-gnu.so"
    for numpy, code in (("2.2.6", "ABI001"), ("1.19.5", "ABI003")):
        finding = _only(_facts(asks, numpy))
        assert (finding.code, finding.symptom) == (code, "ImportError: numpy.core.multiarray failed to import")
    # That is an ImportError, so a guard against it helps.
    assert _only(_imported(_facts(asks, "2.2.6"), past=(path,))).symptom.startswith("importing pandas works")
    # Where NumPy agrees, the sizes are compared all the same.
    asks_old = replace(asks, feature=0x0E)
    assert _only(_facts(asks_old, "1.21.6")).code == "ABI004"


@pytest.mark.parametrize(
    ("name", "version", "dies"),
    [
        ("rdkit", "2023.9.5", True),
        ("onnxruntime", "1.16.3", True),
        ("onnxruntime", "1.17.0", False),
        ("onnxruntime", "unknown", False),
    ],
)
def test_what_goes_on_without_numpy_and_dies_later_is_an_error(name: str, version: str, dies: bool) -> None:
    facts = _facts(C1, "2.2.6", name, version)
    sound = [make_binary(facts.distributions[0], f"{name}/sound{number}.so", C2) for number in range(2)]
    finding = _only(_imported(replace(facts, binaries=(*facts.binaries, *sound))))
    assert ("Segmentation fault" in finding.symptom) is dies
    assert finding.severity is (Severity.ERROR if dies else Severity.WARNING)


def test_confidence_says_how_it_is_known() -> None:
    assert _only(_facts(C1, "2.2.6")).confidence is Confidence.PROVEN
    assert _only(_facts(CYTHON_1, "2.2.6")).confidence is Confidence.PROVEN
    assert _only(_facts(CYTHON_1_UNKNOWN, "2.2.6")).confidence is Confidence.PREDICTED
    assert _only(_facts(PYBIND_1, "2.2.6")).confidence is Confidence.PREDICTED


def test_silent_wrong_results_are_said_plainly() -> None:
    finding = _only(_facts(PYBIND_1, "2.2.6", "boost-histogram", "1.4.0"))
    assert finding.severity is Severity.ERROR
    assert "RESULTS CAN BE SILENTLY WRONG" in finding.message
    rust = _only(_facts(RUST_1, "2.2.6", "tokenizers", "0.15.2"))
    assert rust.severity is Severity.WARNING
    assert "SILENTLY" not in rust.message


def test_packages_that_guard_their_import_are_a_warning_that_says_what_stops() -> None:
    finding = _only(_facts(C1, "2.2.6", "torch", "2.2.2"))
    assert finding.severity is Severity.WARNING
    assert "from_numpy" in finding.symptom
    finding = _only(_facts(C1, "2.2.6", "shiboken6", "6.6.1"))
    assert finding.severity is Severity.WARNING
    assert "PySide prints NumPy's warning" in finding.symptom


def _imported(facts: Facts, *modules: str, past: tuple[str, ...] = (), complete: bool = True) -> Facts:
    path = ImportPath(facts.distributions[0].info_path, frozenset(modules), complete, frozenset(past))
    return replace(facts, import_paths=(path,))


def test_a_module_that_the_import_does_not_need_is_a_warning_that_says_what_stops() -> None:
    dist = make_dist("pandas", "2.0.3")
    modules = [f"pandas/{name}.cpython-311-x86_64-linux-gnu.so" for name in ("io/sas/_sas", "_libs/lib")]
    sound = [make_binary(dist, f"pandas/sound{number}.so", C2) for number in range(3)]
    facts = make_facts([dist], [*(make_binary(dist, path, C1) for path in modules), *sound], "2.2.6")
    needed = _only(_imported(facts, modules[1]))
    assert needed.severity is Severity.ERROR
    assert needed.symptom == "ImportError: numpy.core.multiarray failed to import"
    assert _only(_imported(facts, *modules, complete=False)).severity is Severity.ERROR
    assert _only(_imported(facts, complete=False)).severity is Severity.ERROR
    spared = _only(_imported(facts))
    assert spared.severity is Severity.WARNING
    assert spared.symptom == (
        "importing pandas works; what needs pandas.io.sas or pandas._libs.lib fails: "
        "ImportError: numpy.core.multiarray failed to import"
    )
    assert spared.fingerprint == needed.fingerprint


@pytest.mark.parametrize(
    ("failing", "sound", "severity"),
    [(1, 0, Severity.ERROR), (2, 2, Severity.ERROR), (2, 3, Severity.WARNING)],
)
def test_half_of_the_modules_or_more_is_an_error_although_the_plain_import_works(
    failing: int, sound: int, severity: Severity
) -> None:
    dist = make_dist("dipy", "1.7.0")
    binaries = [make_binary(dist, f"dipy/align/m{number}.so", C1) for number in range(failing)]
    binaries += [make_binary(dist, f"dipy/io/m{number}.so", C2) for number in range(sound)]
    finding = _only(_imported(make_facts([dist], binaries, "2.2.6")))
    assert finding.severity is severity
    assert finding.symptom.startswith("importing dipy works; what needs ")


def test_a_part_that_was_made_for_a_newer_numpy_is_a_note() -> None:
    """h5py 3.14 has one module that only NumPy 2 can load, and loads it only there."""
    dist = make_dist("h5py", "3.14.0")
    sound = [make_binary(dist, f"h5py/m{number}.so", C2) for number in range(2)]
    facts = make_facts([dist], [make_binary(dist, "h5py/_npystrings.so", C2_NEW), *sound], "1.26.4")
    finding = _only(_imported(facts))
    assert (finding.code, finding.severity) == ("ABI003", Severity.NOTE)
    assert _only(_imported(facts, "h5py/_npystrings.so")).severity is Severity.ERROR


def test_what_a_package_guards_by_itself_does_not_make_it_broken() -> None:
    path = "lib/_fast.so"
    dist = make_dist("lib", "1.0")
    facts = make_facts([dist], [make_binary(dist, path, C1)], "2.2.6")
    assert _only(_imported(facts, past=(path,))).severity is Severity.WARNING


def test_a_guard_against_import_errors_does_not_stop_a_size_check() -> None:
    path = "pandas/_lib.cpython-311-x86_64-linux-gnu.so"
    assert _only(_imported(_facts(CYTHON_1, "2.2.6"), past=(path,))).severity is Severity.ERROR
    assert _only(_imported(_facts(C1, "2.2.6"), past=(path,))).severity is Severity.WARNING


def test_a_module_that_may_be_imported_is_an_error() -> None:
    """faiss chooses between two modules by what the processor can do; both need NumPy."""
    path = "faiss/_swigfaiss.cpython-311-x86_64-linux-gnu.so"
    dist = make_dist("faiss-cpu", "1.7.4", top_level=("faiss",))
    facts = make_facts([dist], [make_binary(dist, path, C1)], "2.2.6")
    known = ImportPath(dist.info_path, frozenset(), perhaps=frozenset((path,)))
    assert _only(replace(facts, import_paths=(known,))).severity is Severity.ERROR
    assert not Imports(replace(facts, import_paths=(known,))).breaks(facts.binaries[0])


def test_the_line_of_the_module_that_is_imported_is_the_one_the_user_reads() -> None:
    dist = make_dist("h5py", "3.10.0")
    binaries = [make_binary(dist, "h5py/later.so", C1), make_binary(dist, "h5py/first.so", CYTHON_1)]
    finding = _only(_imported(make_facts([dist], binaries, "2.2.6"), "h5py/first.so"))
    assert finding.symptom.startswith("ValueError: numpy.dtype size changed")


@pytest.mark.parametrize(
    ("path", "needed", "severity"),
    [
        ("pyarrow/libarrow_python.so", ("libarrow_python.so",), Severity.ERROR),
        ("pyarrow/libarrow_python.so", ("libarrow.so",), Severity.WARNING),
        # Boost's own library, bundled by a repair tool, does nothing until it is called.
        ("pyarrow.libs/libboost_numpy.so", ("libboost_numpy.so",), Severity.WARNING),
    ],
)
def test_a_library_fails_with_the_module_that_is_linked_with_it(
    path: str, needed: tuple[str, ...], severity: Severity
) -> None:
    dist = make_dist("pyarrow", "14.0.2")
    library, module = make_binary(dist, path, C1), make_binary(dist, "pyarrow/lib.so")
    assert module.facts is not None
    linked = replace(module, facts=replace(module.facts, needed=needed))
    sound = [make_binary(dist, f"pyarrow/sound{number}.so", C2) for number in range(2)]
    finding = _only(_imported(make_facts([dist], [library, linked, *sound], "2.2.6"), "pyarrow/lib.so"))
    assert finding.severity is severity


def test_wrong_results_do_not_wait_for_the_import() -> None:
    assert _only(_imported(_facts(PYBIND_1, "2.2.6", "boost-histogram", "1.4.0"))).severity is Severity.ERROR


def test_many_parts_are_counted() -> None:
    dist = make_dist("scipy", "1.12.0")
    paths = [f"scipy/{name}/_x.so" for name in ("linalg", "sparse", "stats", "fft", "io")]
    facts = make_facts([dist], [make_binary(dist, path, C1) for path in paths], "2.2.6")
    assert (
        "what needs scipy.linalg, scipy.sparse, scipy.stats or one of 2 more fails" in _only(_imported(facts)).symptom
    )


def test_all_modules_of_a_distribution_are_one_finding_with_a_count() -> None:
    dist = make_dist("pandas", "2.0.3")
    binaries = [make_binary(dist, f"pandas/m{number}.so", C1) for number in range(3)]
    binaries += [make_binary(dist, "pandas/ok.so", C2), make_binary(dist, "pandas/none.so")]
    finding = _only(make_facts([dist], binaries, "2.2.6"))
    assert finding.evidence[0].detail == "3 of 4 compiled modules that use NumPy's C API"
    assert finding.evidence[1].path.endswith("pandas/m0.so")
    assert finding.evidence[-1].detail == "NumPy 2.2.6 offers ABI 0x2000000, C-API version 0x13"


def test_numpys_own_modules_are_not_judged() -> None:
    facts = make_facts(numpy="2.2.6")
    own = make_binary(facts.distributions[0], "numpy/core/_x.so", C1)
    assert _codes(replace(facts, binaries=(own,))) == []


def test_without_numpy_there_is_nothing_to_say() -> None:
    assert _codes(replace(_facts(C1, "2.2.6"), numpy=None)) == []


def test_an_unknown_newer_numpy_is_a_gap_and_never_fine() -> None:
    facts = _facts(C2, "2.4.6")
    assert facts.numpy is not None
    unknown = replace(facts.numpy, version="2.9.0", feature=None, sizes=StructSizes())
    assert _codes(replace(facts, numpy=unknown)) == ["ABI003 gap"]


def test_a_file_whose_needs_could_not_be_read_is_a_gap() -> None:
    facts = _facts(None, "2.2.6")
    (binary,) = facts.binaries
    assert binary.facts is not None
    unread = replace(binary, facts=replace(binary.facts, numpy_unread="no section headers"))
    (gap,) = check_numpy_abi(replace(facts, binaries=(unread,)))
    assert isinstance(gap, Gap)
    assert gap.what.endswith(binary.path)
    assert _codes(replace(facts, binaries=(replace(binary, facts=None),))) == []


def test_a_module_that_no_distribution_lists_is_reported_under_its_folder() -> None:
    facts = _facts(C1, "2.2.6")
    (binary,) = facts.binaries
    finding = _only(replace(facts, binaries=(replace(binary, owner=""),)))
    assert finding.distribution == "pandas"
    assert "which no distribution lists" in finding.message


def _commands(facts: Facts) -> list[tuple[str, ...]]:
    return [fix.constraints for fix in _only(facts).fix]


def test_fixes_name_the_first_good_release_and_the_old_numpy() -> None:
    assert _commands(_facts(C1, "2.2.6")) == [("numpy<2",), ("pandas>=2.2.2",)]


def test_numpy_1_is_not_advised_where_it_cannot_stand() -> None:
    facts = _facts(C1, "2.2.6")
    new_python = replace(facts, target=replace(facts.target, version_info=(3, 13)))
    assert _commands(new_python) == [("pandas>=2.2.2",)]
    demanding = make_dist("zarr", "3.1", "numpy>=2.0")
    assert _commands(replace(facts, distributions=(*facts.distributions, demanding))) == [("pandas>=2.2.2",)]
    optional = make_dist("zarr", "3.1", "numpy>=2.0; extra == 'new'", "numpydoc>=2", "numpy !bad")
    assert _commands(replace(facts, distributions=(*facts.distributions, optional)))[0] == ("numpy<2",)
    newer = make_dist("newlib", "1")
    built = make_binary(newer, "newlib/x.so", NumpyNeed("c-api", "2.x", feature=0x12))
    both = replace(facts, distributions=(*facts.distributions, newer), binaries=(*facts.binaries, built))
    assert _commands(both) == [("pandas>=2.2.2",)]


def test_an_unknown_project_is_advised_to_upgrade() -> None:
    facts = _facts(C1, "2.2.6", "mylib", "1.0")
    new_python = replace(facts, target=replace(facts.target, version_info=(3, 13)))
    assert [fix.command for fix in _only(new_python).fix] == ["uv pip install --python /env/bin/python --upgrade mylib"]


def test_a_numpy_that_is_too_old_is_to_be_upgraded() -> None:
    assert _commands(_facts(C2_NEW, "2.2.6")) == [("numpy>=2.3",)]
    strange = replace(C2_NEW, feature=0x30)
    finding = _only(_facts(strange, "2.2.6"))
    assert finding.fix[0].command.endswith("--upgrade numpy")
    assert "C-API version 0x30" in finding.message
