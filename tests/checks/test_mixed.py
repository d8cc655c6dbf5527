"""API010 and LNK008: what generators made, against what it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.mixed import check_mixed
from envaudit.gather import gather_facts
from envaudit.model import Confidence, GeneratedCode, ImportPath, RecordEntry, Severity, replace
from tests.scan.support import target_of
from tests.scan.test_protobuf import BUILDER, CHECKED, OLD
from tests.support.facts import SITE, make_binary, make_dist, make_facts
from tests.support.trees import make_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Distribution, Facts, Finding

PKG = make_dist("onnx", "1.20")


def _runtime(version: str) -> Distribution:
    return make_dist("protobuf", version, binaries=(RecordEntry("google/_upb/_message.abi3.so"),))


def _code(style: Any, version: tuple[int, int, int] | None = None, path: str = "onnx/onnx_pb2.py") -> GeneratedCode:
    return GeneratedCode(path, SITE, PKG.info_path, style, version, 7)


def _facts(runtime: str, *codes: GeneratedCode, others: tuple[Distribution, ...] = ()) -> Facts:
    path = ImportPath(PKG.info_path, frozenset(code.path for code in codes))
    return replace(make_facts([PKG, _runtime(runtime), *others]), generated=codes, import_paths=(path,))


def _only(facts: Facts) -> Finding:
    (finding,) = check_mixed(facts)
    return finding


@pytest.mark.parametrize(
    ("code", "runtime", "symptom"),
    [
        (
            _code("checked", (6, 31, 1)),
            "6.31.0",
            (
                "VersionError: Detected incompatible Protobuf Gencode/Runtime versions when loading ...: "
                "gencode 6.31.1 runtime 6.31.0"
            ),
        ),
        (
            _code("checked", (6, 31, 1)),
            "5.29.5",
            (
                "VersionError: Detected mismatched Protobuf Gencode/Runtime major versions when loading ...: "
                "gencode 6.31.1 runtime 5.29.5"
            ),
        ),
        (
            _code("checked", (5, 28, 1)),
            "5.26.1",
            "ImportError: cannot import name 'runtime_version' from 'google.protobuf'",
        ),
        (_code("builder"), "3.19.6", "ImportError: cannot import name 'builder' from 'google.protobuf.internal'"),
        (_code("descriptors"), "4.25.8", "TypeError: Descriptors cannot be created directly."),
    ],
)
def test_every_generation_has_its_own_message(code: GeneratedCode, runtime: str, symptom: str) -> None:
    finding = _only(_facts(runtime, code))
    assert (finding.code, finding.severity, finding.confidence) == ("API010", Severity.ERROR, Confidence.PROVEN)
    assert (finding.distribution, finding.involves[0].version) == ("onnx", runtime)
    assert finding.symptom == symptom
    assert (finding.evidence[0].path, finding.evidence[0].line) == (f"{SITE}/onnx/onnx_pb2.py", 7)


def test_code_that_fits_is_no_finding() -> None:
    assert list(check_mixed(_facts("6.31.1", _code("checked", (6, 31, 1)), _code("builder")))) == []
    assert list(check_mixed(_facts("3.20.3", _code("descriptors")))) == []
    assert list(check_mixed(replace(_facts("6.31.0", _code("checked", (6, 31, 1))), distributions=(PKG,)))) == []


def _imported(facts: Facts, *modules: str, past: tuple[str, ...] = ()) -> Finding:
    return _only(
        replace(facts, import_paths=(ImportPath(PKG.info_path, frozenset(modules), past_guards=frozenset(past)),))
    )


def test_a_file_the_import_does_not_need_is_a_warning() -> None:
    facts = _facts("6.31.0", _code("checked", (6, 31, 1)), _code("checked", (6, 31, 1), "onnx/ml/x_pb2.py"))
    assert _imported(facts, "onnx/ml/x_pb2.py").severity is Severity.ERROR
    spared = _imported(facts)
    assert spared.severity is Severity.WARNING
    assert spared.symptom.startswith(
        "importing onnx works; what needs onnx.onnx_pb2 or onnx.ml.x_pb2 fails: VersionError"
    )
    assert "2 files that were generated for protobuf 6.31.1 or newer" in spared.message
    assert _only(replace(facts, import_paths=())).severity is Severity.ERROR


def test_except_import_error_stops_only_import_errors() -> None:
    code = _code("checked", (6, 31, 1))
    assert _imported(_facts("6.31.0", code), past=(code.path,)).severity is Severity.ERROR
    assert _imported(_facts("4.25.8", code), past=(code.path,)).severity is Severity.WARNING
    assert _imported(_facts("4.25.8", _code("descriptors")), past=(code.path,)).severity is Severity.ERROR


def test_of_several_folders_one_that_fits_is_enough() -> None:
    """As wandb has them: a folder for each major version of the runtime, one of which is imported."""
    fits, newer = _code("checked", (6, 31, 1), "onnx/v6/api_pb2.py"), _code("checked", (7, 34, 0), "onnx/v7/api_pb2.py")
    facts = replace(_facts("6.33.6", fits, newer), import_paths=(ImportPath(PKG.info_path, frozenset()),))
    assert list(check_mixed(facts)) == []
    alone = replace(facts, generated=(newer, fits._replace(path="onnx/v6/other_pb2.py")))
    assert _only(alone).severity is Severity.WARNING
    assert _imported(_facts("6.33.6", fits, newer), "onnx/v7/api_pb2.py").severity is Severity.ERROR


def _constraints(*codes: GeneratedCode, runtime: str, others: tuple[Distribution, ...] = ()) -> list[tuple[str, ...]]:
    return [fix.constraints for fix in _only(_facts(runtime, *codes, others=others)).fix]


def test_the_fix_is_the_runtime_it_was_generated_for_where_the_others_admit_it() -> None:
    new = (_code("checked", (6, 30, 0)), _code("checked", (6, 31, 1), "onnx/b_pb2.py"))
    assert _constraints(*new, runtime="5.29.5") == [("protobuf>=6.31.1",)]
    narrow = make_dist("tensorflow", "2.16", "protobuf!=4.21.0,<5.0.0dev,>=3.20.3")
    assert _constraints(*new, runtime="5.29.5", others=(narrow,)) == []
    elsewhere = make_dist(
        "ray", "2", "protobuf<5; extra == 'x'", "protobuf<5; sys_platform == 'win32'", "protobuf !bad"
    )
    assert _constraints(*new, runtime="5.29.5", others=(elsewhere,)) == [("protobuf>=6.31.1",)]
    assert _constraints(_code("descriptors"), runtime="5.29.5") == [("protobuf<4",), ()]
    needs4 = make_dist("ray", "2", "protobuf>=4")
    (upgrade,) = _only(_facts("5.29.5", _code("descriptors"), others=(needs4,))).fix
    assert upgrade.command.endswith("--upgrade onnx")
    assert _constraints(_code("builder"), runtime="3.19.6", others=(needs4,)) == [("protobuf>=3.20",), ()]


@pytest.mark.parametrize(
    ("init", "text", "runtime", "severity"),
    [
        ("from . import a_pb2", CHECKED, "6.31.0", Severity.ERROR),
        ("from pkg.a_pb2 import *", CHECKED, "6.31.0", Severity.ERROR),
        ("def f():\n    from . import a_pb2", CHECKED, "6.31.0", Severity.WARNING),
        ("from . import a_pb2", CHECKED, "6.31.1", None),
        ("from . import a_pb2", BUILDER, "3.19.6", Severity.ERROR),
        ("from . import a_pb2", BUILDER, "3.20.3", None),
        ("from . import a_pb2", OLD, "3.20.3", None),
        ("try:\n    from . import a_pb2\nexcept ImportError:\n    pass", BUILDER, "3.19.6", Severity.WARNING),
    ],
)
def test_from_files_to_finding(tmp_path: Path, init: str, text: str, runtime: str, severity: Severity | None) -> None:
    make_distribution(tmp_path, "pkg", "1", files={"pkg/__init__.py": init, "pkg/a_pb2.py": text})
    make_distribution(tmp_path, "protobuf", runtime, files={"google/protobuf/__init__.py": ""})
    found = [finding.severity for finding in check_mixed(gather_facts(target_of(tmp_path)))]
    assert found == ([severity] if severity else [])


V4 = "__pybind11_internals_v4_gcc_libstdcpp_cxxabi1017__"
V11 = "__pybind11_internals_v11_system_libstdcpp_gxx_abi_1xxx_use_cxx11_abi_1__"


def _bound(requires: str, own: tuple[str, ...], theirs: tuple[str, ...]) -> list[Finding]:
    one, other = make_dist("one", "1.0", *([requires] if requires else [])), make_dist("other", "2.0")
    binaries = []
    for dist, names in ((one, own), (other, theirs)):
        for number, name in enumerate(names):
            binary = make_binary(dist, f"{dist.name}/_m{number}.so")
            assert binary.facts is not None
            binaries.append(replace(binary, facts=replace(binary.facts, pybind11=name)))
    return list(check_mixed(make_facts([one, other], binaries)))


def test_different_pybind11_in_packages_that_belong_together_is_a_note() -> None:
    (finding,) = _bound("other==2.0", (V4,), (V11,))
    assert (finding.code, finding.severity, finding.distribution) == ("LNK008", Severity.NOTE, "one")
    assert finding.confidence is Confidence.PREDICTED
    assert "(v4 and v11)" in finding.message
    assert [item.detail for item in finding.evidence] == [V4, V11]


@pytest.mark.parametrize(
    ("requires", "own", "theirs"),
    [
        ("", (V4,), (V11,)),
        ("another", (V4,), (V11,)),
        ("one==1.0", (V4,), (V11,)),
        ("other>=1", (V4,), (V11,)),
        ("other==2.0; extra == 'x'", (V4,), (V11,)),
        ("other==2.0; python_version < '3'", (V4,), (V11,)),
        ("other==2.0", (V4,), (V4,)),
        ("other==2.0", (V4, V11), (V11,)),
        ("other==2.0", (V4,), ()),
        ("other==2.0", ("",), (V11,)),
        ("other==2.0", (), (V11,)),
        ("!bad", (V4,), (V11,)),
    ],
)
def test_no_note_where_nothing_is_shared(requires: str, own: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    assert _bound(requires, own, theirs) == []


def test_names_that_differ_only_in_the_compiler_are_said_whole() -> None:
    other = V4.replace("1017", "1018")
    (finding,) = _bound("Other (==2.0)", (V4,), (other,))
    assert f"({V4} and {other})" in finding.message
