"""LNK001 to LNK006 on facts written down: messages, severities, fixes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.lnk_groups import listed
from envaudit.model import Facts, ImportPath, LinkedFile, RecordEntry, Resolved, Severity, replace
from tests.support.checks import check_links
from tests.support.facts import SITE, make_binary, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import Binary, Distribution, Finding

MODULE = "{0}/_core.so"


def _file(dist: Distribution, path: str = "", *, is_module: bool = True, **fields: Any) -> LinkedFile:
    return LinkedFile(path or MODULE.format(dist.name), SITE, dist.info_path, is_module=is_module, **fields)


def _missing(dist: Distribution, *names: str, path: str = "", is_module: bool = True) -> LinkedFile:
    own = f"{SITE}/{path or MODULE.format(dist.name)}"
    return _file(dist, path, is_module=is_module, missing=tuple((name, own) for name in names))


def _facts(dists: list[Distribution], *files: LinkedFile, **fields: Any) -> Facts:
    owners = {dist.info_path: dist for dist in dists}
    binaries = [make_binary(owners[file.owner], file.path) for file in files]
    return replace(make_facts(dists, binaries, **fields), links=files)


def _find(facts: Facts) -> Finding:
    (finding,) = check_links(facts)
    return finding


def test_one_finding_lists_all_files() -> None:
    dist = make_dist("cv2x")
    asks = f"{SITE}/cv2x.libs/libqt.so"
    second = _file(dist, "cv2x/b.so", missing=(("libGL.so.1", asks), ("libX11.so.6", asks)))
    finding = _find(_facts([dist], _missing(dist, "libGL.so.1", path="cv2x/a.so"), second))
    assert finding.code == "LNK001"
    assert finding.message == "cv2x 1.0 needs libGL.so.1 and libX11.so.6, which the loader does not find"
    assert finding.symptom == ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory")
    assert [item.detail for item in finding.evidence] == [
        "not found: libGL.so.1",
        "not found: libGL.so.1 (for libqt.so), libX11.so.6 (for libqt.so)",
    ]
    assert [fix.command for fix in finding.fix] == [
        "apt-get install libgl1 libx11-6",
        "dnf install libglvnd-glx libX11",
    ]


def test_opencv_has_a_build_that_needs_no_desktop() -> None:
    dist = make_dist("opencv-python", "4.9.0")
    finding = _find(_facts([dist], _missing(dist, "libGL.so.1", path="cv2/cv2.abi3.so")))
    assert finding.fix[0].command.endswith("install --python /env/bin/python opencv-python-headless")


def test_a_build_for_cuda_on_a_torch_without() -> None:
    audio, torch = make_dist("torchaudio", "2.11.0+cu130"), make_dist("torch", "2.13.0+cpu")
    finding = _find(_facts([audio, torch], _missing(audio, "libc10_cuda.so", "libtorch_cuda.so")))
    assert finding.message.endswith("it was built for a PyTorch with CUDA, and torch 2.13.0+cpu has none")
    assert [other.name for other in finding.involves] == ["torch"]
    assert finding.fix[0].command.endswith("--torch-backend cpu torchaudio==2.11.0")


def test_the_library_of_another_torch() -> None:
    audio, torch = make_dist("torchaudio"), make_dist("torch", "2.13.0")
    finding = _find(_facts([audio, torch], _missing(audio, "libtorch_python.so")))
    assert finding.message.endswith("it was built for another PyTorch than torch 2.13.0")


@pytest.mark.parametrize(
    ("name", "path", "is_module", "severity"),
    [
        ("numba", "numba/np/ufunc/tbbpool.cpython-311-x86_64-linux-gnu.so", True, Severity.NOTE),
        ("torchvision", "torchvision/image.so", False, Severity.WARNING),
        ("torchvision", "torchvision/_C_stable.so", False, Severity.ERROR),
        ("torchaudio", "torchaudio/lib/libtorchaudio.so", False, Severity.ERROR),
        ("other", "other/tests/_c.so", True, Severity.NOTE),
        ("other", "other/_c.so", True, Severity.ERROR),
        ("other", "other/image.so", False, None),
        ("other", "other.libs/libfoo.so", False, None),
    ],
)
def test_how_bad_a_file_is(name: str, path: str, is_module: bool, severity: Severity | None) -> None:
    dist = make_dist(name)
    findings = list(check_links(_facts([dist], _missing(dist, "libx.so", path=path, is_module=is_module))))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_a_module_off_the_import_path_is_a_warning() -> None:
    dist = make_dist("p")
    facts = _facts([dist], _missing(dist, "libx.so", path="p/_extra.so"))
    for modules, complete, severity in (
        ({"p/_extra.so"}, True, Severity.ERROR),
        ({"p/_core.so"}, True, Severity.WARNING),
        ({"p/_core.so"}, False, Severity.ERROR),
    ):
        path = ImportPath(dist.info_path, frozenset(modules), complete)
        finding = _find(replace(facts, import_paths=(path,)))
        assert finding.severity is severity
        assert ("importing p works" in finding.symptom) is (severity is Severity.WARNING)


def test_libraries_of_a_graphics_driver_are_a_warning() -> None:
    dist = make_dist("cupy")
    finding = _find(_facts([dist], _missing(dist, "libcuda.so.1")))
    assert finding.severity is Severity.WARNING
    assert finding.message.endswith("it comes with the driver of the graphics card")
    assert finding.fix == ()
    both = _find(_facts([dist], _missing(dist, "libcuda.so.1", "libfoo.so")))
    assert both.severity is Severity.ERROR


def test_libraries_of_the_cuda_toolkit_are_named_as_such() -> None:
    dist = make_dist("cupyx")
    finding = _find(_facts([dist], _missing(dist, "libcublas.so.12", "libcuda.so.1")))
    assert finding.message.endswith("they are part of NVIDIA's CUDA toolkit")
    assert _find(_facts([dist], _missing(dist, "libnvrtc.so.12"))).message.endswith(
        ": it is part of NVIDIA's CUDA toolkit"
    )
    assert (finding.severity, finding.fix) == (Severity.ERROR, ())


def test_a_file_that_is_gone_comes_back_with_its_distribution() -> None:
    dist = make_dist("p", "2.0", binaries=(RecordEntry("p.libs/libown.so"),))
    finding = _find(_facts([dist], _missing(dist, "libown.so")))
    assert finding.fix[0].command.endswith("--reinstall --no-deps p==2.0")
    assert _find(_facts([dist], _missing(dist, "libforeign.so"))).fix == ()


def test_a_library_that_the_distribution_brought_and_lost_is_an_error_off_the_import_path_too() -> None:
    entry = RecordEntry("scipy.libs/libopenblas-1a2b.so")
    dist = make_dist("scipy", "1.13.1", binaries=(entry,))
    file = _missing(dist, "libopenblas-1a2b.so", path="scipy/linalg/_fblas.so")
    known = (ImportPath(dist.info_path, frozenset()),)
    finding = _find(replace(_facts([dist], file), import_paths=known))
    assert finding.severity is Severity.ERROR
    assert finding.symptom.startswith("importing scipy works; what needs scipy.linalg fails: ImportError")
    other = replace(_facts([replace(dist, binaries=())], file), import_paths=known)
    assert _find(other).severity is Severity.WARNING


def test_a_library_of_the_index_can_be_installed() -> None:
    dist = make_dist("solver")
    finding = _find(_facts([dist], _missing(dist, "libmkl_rt.so.2")))
    assert finding.fix[0].command == "uv pip install --python /env/bin/python mkl"


def test_modules_outside_any_distribution_are_told_by_their_folder() -> None:
    dist = make_dist("gone")
    facts = _facts([dist], _missing(dist, "libx.so"))
    finding = _find(replace(facts, distributions=()))
    assert finding.message.startswith(f"{SITE}/gone, which no distribution lists, needs libx.so")
    assert (finding.distribution, finding.version, finding.fix) == ("gone", "", ())


def test_a_newer_c_library() -> None:
    dist = make_dist("fast", "2.1")
    file = _file(
        dist,
        resolved=(Resolved("libc.so.6", "/lib/libc.so.6", "system"),),
        missing_versions=(("libc.so.6", "GLIBC_2.9"), ("libc.so.6", "GLIBC_2.38")),
        offered=(("libc.so.6", "GLIBC_2.36"),),
    )
    finding = _find(_facts([dist], file))
    assert (finding.code, finding.severity) == ("LNK002", Severity.ERROR)
    assert finding.message == (
        "fast 2.1 was built for newer system libraries: it needs GLIBC_2.38, and libc.so.6 here has up to GLIBC_2.36"
    )
    assert finding.symptom == (
        f"ImportError: /lib/libc.so.6: version `GLIBC_2.38' not found (required by {SITE}/fast/_core.so)"
    )
    assert finding.fix[0].command.endswith("'fast<2.1'")


def test_versions_of_libstdcxx_are_told_as_those_of_gcc() -> None:
    dist = make_dist("fast")
    file = _file(
        dist,
        missing_versions=(("libstdc++.so.6", "GLIBCXX_3.4.32"),),
        offered=(("libstdc++.so.6", "GLIBCXX_3.4.30"),),
    )
    assert (
        "needs GLIBCXX_3.4.32 (GCC 13.2), and libstdc++.so.6 here has up to GLIBCXX_3.4.30 (GCC 12.1)"
        in _find(_facts([dist], file)).message
    )
    unknown = replace(file, missing_versions=(("libc.musl-x86_64.so.1", "V_1"),), offered=())
    assert "and the C library here is glibc 2.36" in _find(_facts([dist], unknown)).message
    other = replace(file, missing_versions=(("libfoo.so.1", "FOO_2"),), offered=())
    assert "needs FOO_2, and libfoo.so.1 here has no such version" in _find(_facts([dist], other)).message


OLD = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"


def test_a_symbol_of_another_version_of_a_library() -> None:
    text, torch = make_dist("torchtext", "0.18.0"), make_dist("torch", "2.13.0")
    file = _file(text, undefined=(OLD, "_ZN2at1fEv"), related=((OLD, torch.info_path),))
    finding = _find(_facts([text, torch], file))
    assert (finding.code, finding.severity) == ("LNK003", Severity.ERROR)
    assert finding.message == (
        "torchtext 0.18.0 was built for another version of torch: 2 symbols that it needs are not in torch 2.13.0, "
        "such as c10::detail::torchCheckFail(char const*, char const*, unsigned int, std::string const&) "
        "(it was built with the old C++ string ABI, _GLIBCXX_USE_CXX11_ABI=0)"
    )
    assert finding.symptom == f"ImportError: {SITE}/torchtext/_core.so: undefined symbol: {OLD}"
    assert [(other.name, other.version) for other in finding.involves] == [("torch", "2.13.0")]
    assert finding.fix[0].command.endswith("--reinstall --no-deps torchtext torch")


def test_symbols_without_a_suspect_and_of_the_own_libraries() -> None:
    dist = make_dist("p")
    alone = _find(_facts([dist], _file(dist, undefined=("cblas_dgemm",))))
    assert alone.message == "p 1.0 needs 1 symbol that no library exports, such as cblas_dgemm"
    own = _find(_facts([dist], _file(dist, undefined=("a_b",), related=(("a_b", dist.info_path),))))
    assert own.message == "p 1.0 does not fit its own libraries: nothing exports 1 symbol, such as a_b"
    assert own.fix[0].command.endswith("p==1.0")


def test_a_module_that_lies_about_its_python() -> None:
    dist = make_dist("liar")
    file = _file(dist, "liar/_c.abi3.so", undefined_python=("PyModule_AddObjectRef",))
    finding = _find(_facts([dist], file, python="3.8.18"))
    assert (finding.code, finding.severity) == ("LNK004", Severity.ERROR)
    assert finding.message == (
        "liar 1.0 was built for another Python, although it calls itself abi3, fit for every later Python: "
        "it needs PyModule_AddObjectRef, which CPython 3.8.18 does not have"
    )
    private = _file(dist, undefined_python=("_PyUnicode_Thing", "_PyLong_X"))
    assert "private names which CPython 3.11.7" in _find(_facts([dist], private)).message


def _with(binary: Binary, **fields: Any) -> Binary:
    assert binary.facts is not None
    return replace(binary, facts=replace(binary.facts, **fields))


def _process(*parts: tuple[str, str, dict[str, Any]], **target: Any) -> Facts:
    """Return facts: each part is a distribution whose one module loads one library with these facts."""
    dists, binaries, files = [], [], []
    for name, library, fields in parts:
        dist = make_dist(name)
        dists.append(dist)
        path = f"{name}.libs/{library}"
        binaries += [make_binary(dist, f"{name}/m.so"), _with(make_binary(dist, path), soname=library, **fields)]
        files.append(_file(dist, f"{name}/m.so", loads=(f"{SITE}/{path}",)))
    return replace(make_facts(dists, binaries, **target), links=tuple(files))


def test_intel_openmp_can_be_removed() -> None:
    facts = _process(("faissx", "libomp-1234abcd.so", {}), ("intel-openmp", "libiomp5.so", {}))
    finding = _find(facts)
    assert (finding.code, finding.severity, finding.subject) == ("LNK005", Severity.WARNING, "openmp")
    assert finding.fix[0].command.endswith("uninstall --python /env/bin/python intel-openmp")


@pytest.mark.parametrize("library", ["libgomp-1234abcd.so.1", "libgomp.so.1"])
def test_copies_of_libgomp_are_no_finding(library: str) -> None:
    assert list(check_links(_process(("a", library, {}), ("b", library, {})))) == []


def test_copies_under_one_name_are_a_note() -> None:
    finding = _find(_process(("h5py", "libhdf5.so.200", {}), ("tables", "libhdf5.so.200", {})))
    assert (finding.severity, finding.subject) == (Severity.NOTE, "copies:libhdf5.so.200")
    apart = _process(("h5py", "libhdf5-1a2b3c4d.so.200", {}), ("tables", "libhdf5-99887766.so.200", {}))
    assert list(check_links(apart)) == []


@pytest.mark.parametrize(
    ("libc", "severity"),
    [("glibc 2.36", Severity.NOTE), ("glibc 2.41", Severity.ERROR), ("musl 1.2", None), ("", None)],
)
def test_an_executable_stack_depends_on_the_c_library(libc: str, severity: Severity | None) -> None:
    findings = list(check_links(_process(("a", "libx.so", {"exec_stack": True}), libc=libc)))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1664, 0), (1665, 1), (6000, 1)])
def test_static_tls_has_a_limit(size: int, expected: int) -> None:
    assert len(list(check_links(_process(("a", "libx.so", {"static_tls": size}))))) == expected


@pytest.mark.parametrize(
    ("page", "align", "expected"), [(65536, 4096, 1), (16384, 65536, 0), (4096, 4096, 0), (0, 4096, 0), (65536, 0, 0)]
)
def test_pages_larger_than_the_alignment(page: int, align: int, expected: int) -> None:
    facts = replace(_process(("a", "libx.so", {"min_align": align})), page_size=page)
    found = list(check_links(facts))
    assert [finding.subject for finding in found] == ["page-size"] * expected
    assert all(finding.severity is Severity.ERROR for finding in found)


def test_names_are_joined_for_a_sentence() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed([]) == ""


# --- operators for PyTorch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "severity", "symptom"),
    [
        ("torchvision", Severity.ERROR, "RuntimeError: operator torchvision::nms does not exist"),
        ("vendor", Severity.WARNING, "OSError, from torch.ops.load_library"),
    ],
)
def test_operators_that_do_not_fit_torch(name: str, severity: Severity, symptom: str) -> None:
    dist, torch = make_dist(name, "0.15.2"), make_dist("torch", "2.2.2")
    names = ("_ZN3c105errorEi",)
    related = ((names[0], torch.info_path),)
    file = _file(dist, f"{name}/_C.so", is_module=False, undefined=names, related=related)
    finding = _find(_facts([dist, torch], file))
    assert (finding.code, finding.severity, finding.symptom) == ("LNK003", severity, symptom)
    assert [other.name for other in finding.involves] == ["torch"]
    whole = _file(dist, f"{name}/_C.so", is_module=False)
    assert list(check_links(_facts([dist, torch], whole))) == []
