"""PLT001 to PLT003: each with cases that must be reported and cases that must not."""

from __future__ import annotations

from typing import Any

import pytest

from envaudit.checks.tags import Fit, fits
from envaudit.model import Finding, Gap, Severity
from tests.support.checks import check_platform
from tests.support.facts import make_binary, make_dist, make_facts, make_target


def _items(facts: Any) -> list[tuple[str, str]]:
    return [("gap" if isinstance(item, Gap) else "finding", item.code) for item in check_platform(facts)]


@pytest.mark.parametrize(
    ("python", "wanted", "expected"),
    [
        ("3.11.7", ">=3.8", []),
        ("3.11.7", ">=3.13", [("finding", "PLT001")]),
        ("3.11.7", "<3.11", [("finding", "PLT001")]),
        ("3.11.7", ">=3.11.4", []),
        ("3.11.7", ">=3.6,!=3.11.7", [("finding", "PLT001")]),
        ("3.11", ">=3.8", []),
        ("3.11", ">=3.11.4", [("gap", "PLT001")]),
        ("3.11.7", "at least three", [("gap", "PLT001")]),
        ("3.14.0rc1", ">=3.14", []),
        ("3.11.7", "", []),
    ],
)
def test_requires_python(python: str, wanted: str, expected: list[tuple[str, str]]) -> None:
    assert _items(make_facts([make_dist("x", requires_python=wanted)], python=python)) == expected


@pytest.mark.parametrize(
    ("tag", "target", "fit"),
    [
        ("py3-none-any", {}, Fit.YES),
        ("py2.py3-none-any", {}, Fit.YES),
        ("py2-none-any", {}, Fit.NO),
        ("py38-none-any", {}, Fit.YES),
        ("py312-none-any", {}, Fit.NO),
        ("cp311-cp311-manylinux_2_17_x86_64", {}, Fit.YES),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", {}, Fit.YES),
        ("cp311-cp311-manylinux2010_x86_64", {}, Fit.YES),
        ("cp311-cp311-linux_x86_64", {}, Fit.YES),
        ("cp311-cp311-manylinux_2_39_x86_64", {}, Fit.NO),
        ("cp311-cp311-manylinux_2_17_aarch64", {}, Fit.NO),
        ("cp311-cp311-musllinux_1_1_x86_64", {}, Fit.NO),
        ("cp311-cp311-musllinux_1_1_x86_64", {"libc": "musl 1.2"}, Fit.YES),
        ("cp311-cp311-manylinux_2_17_x86_64", {"libc": "musl 1.2"}, Fit.NO),
        ("cp310-cp310-manylinux_2_17_x86_64", {}, Fit.NO),
        ("cp37-abi3-manylinux_2_17_x86_64", {}, Fit.YES),
        ("cp312-abi3-manylinux_2_17_x86_64", {}, Fit.NO),
        ("cp310-none-any", {}, Fit.NO),
        ("cp311-cp311-manylinux_2_17_x86_64", {"free_threaded": True}, Fit.NO),
        ("cp310-cp310-win_amd64", {}, Fit.NO),
        ("cp311-cp311-win_amd64", {"platform": "win-amd64", "libc": ""}, Fit.YES),
        ("cp311-cp311-macosx_11_0_arm64", {"platform": "macosx-arm64", "machine": "arm64", "libc": ""}, Fit.YES),
        ("cp311-cp311-macosx_11_0_x86_64", {"platform": "macosx-arm64", "machine": "arm64", "libc": ""}, Fit.NO),
        ("cp311-cp311-macosx_10_9_universal2", {"platform": "macosx-arm64", "machine": "arm64", "libc": ""}, Fit.YES),
        ("cp311-cp311-manylinux_2_17_x86_64", {"libc": ""}, Fit.UNKNOWN),
        ("cp311-cp311-manylinux_2_17_x86_64", {"libc": "glibc"}, Fit.UNKNOWN),
        ("cp311-cp311-manylinux_2_17_x86_64", {"libc": "musl"}, Fit.NO),
        ("cp311-cp311-musllinux_1_1_x86_64", {"libc": "musl"}, Fit.UNKNOWN),
        ("cp311-cp311-linux_x86_64", {"libc": "musl"}, Fit.YES),
        ("cp311-cp311-manylinux_2_17_aarch64", {"libc": ""}, Fit.NO),
        ("cp310-cp310-manylinux_2_17_x86_64", {"libc": ""}, Fit.NO),
        ("cp311-cp311-manylinux_2_17_x86_64", {"platform": ""}, Fit.UNKNOWN),
        ("cp310-cp310-any", {"libc": ""}, Fit.NO),
        ("nonsense", {}, Fit.UNKNOWN),
        ("pp311-pypy311_pp73-manylinux_2_17_x86_64", {"implementation": "PyPy"}, Fit.YES),
        ("cp311-cp311-manylinux_2_17_x86_64", {"implementation": "PyPy"}, Fit.NO),
    ],
)
def test_wheel_tags(tag: str, target: dict[str, Any], fit: Fit) -> None:
    assert fits([tag], make_target(**target)) is fit


def test_free_threaded_and_old_pythons_have_abi_flags() -> None:
    assert fits(["cp313-cp313t-manylinux_2_17_x86_64"], make_target("3.13.0", free_threaded=True)) is Fit.YES
    assert fits(["cp313-cp313t-manylinux_2_17_x86_64"], make_target("3.13.0")) is Fit.NO
    assert fits(["cp37-cp37m-manylinux1_x86_64"], make_target("3.7.16")) is Fit.YES


def test_one_fitting_tag_of_several_is_enough() -> None:
    dist = make_dist("x", wheel_tags=("cp310-cp310-win_amd64", "py3-none-any"))
    assert _items(make_facts([dist])) == []
    assert _items(make_facts([make_dist("x", wheel_tags=())])) == []
    assert _items(make_facts([make_dist("x", wheel_tags=None)])) == []


def test_a_foreign_wheel_is_shown_with_what_was_wanted_and_what_would_fit() -> None:
    dist = make_dist("x", wheel_tags=("cp310-cp310-win_amd64",))
    (finding,) = check_platform(make_facts([dist]))
    assert isinstance(finding, Finding)
    assert finding.code == "PLT002"
    assert [item.detail for item in finding.evidence] == [
        "made for: cp310-cp310-win_amd64",
        "supported here: cp311-cp311, cp311-abi3 or py3-none on linux-x86_64 with glibc 2.36",
    ]
    assert _items(make_facts([dist], platform="")) == [("gap", "PLT002")]


def test_a_wrong_tag_on_files_that_fit_any_python_is_only_a_warning() -> None:
    dist = make_dist("xgboost", "1.6.2", wheel_tags=("cp39-cp39-manylinux_2_17_x86_64",))
    (finding,) = check_platform(make_facts([dist], [make_binary(dist, "xgboost/lib/libxgboost.so")]))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity) == ("PLT002", Severity.WARNING)
    tied = make_binary(dist, "xgboost/_core.cpython-311-x86_64-linux-gnu.so")
    (finding,) = check_platform(make_facts([dist], [tied]))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR
    elsewhere = make_dist("xgboost", "1.6.2", wheel_tags=("cp39-cp39-win_amd64",))
    (finding,) = check_platform(make_facts([elsewhere]))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("name", "target", "foreign"),
    [
        ("_core.cpython-311-x86_64-linux-gnu.so", {}, False),
        ("_core.cpython-310-x86_64-linux-gnu.so", {}, True),
        ("_core.cpython-311-aarch64-linux-gnu.so", {}, True),
        ("_core.cpython-311-x86_64-linux-musl.so", {}, True),
        ("_core.cpython-311-x86_64-linux-musl.so", {"libc": "musl 1.2"}, False),
        ("_core.cpython-311-x86_64-linux-musl.so", {"libc": ""}, False),
        ("_core.cpython-311-x86_64-linux-gnu.so", {"libc": "musl 1.2"}, True),
        ("_core.cpython-310-x86_64-linux-gnu.so", {"libc": "musl 1.2", "python": "3.10.13"}, False),
        ("_core.cpython-310-x86_64-linux-musl.so", {"libc": "glibc 2.36", "python": "3.10.13"}, True),
        ("_core.cpython-311t-x86_64-linux-gnu.so", {}, True),
        ("_core.cpython-311-darwin.so", {}, True),
        ("_core.cpython-311-darwin.so", {"platform": "macosx-arm64"}, False),
        ("_core.cp311-win_amd64.pyd", {}, True),
        ("_core.cp311-win_amd64.pyd", {"platform": "win-amd64"}, False),
        ("_core.cpython-311-x86_64-linux-gnu.so", {"platform": "win-amd64"}, True),
        ("_core.pypy310-pp73-x86_64-linux-gnu.so", {}, True),
        ("_core.pypy311-pp73-x86_64-linux-gnu.so", {"implementation": "PyPy"}, False),
        ("_core.cpython-311-i386-linux-gnu.so", {}, False),
        ("_core.cpython-311-aarch64-linux-gnu.so", {"platform": "", "machine": "", "libc": ""}, False),
        ("_core.cp311-win_amd64.pyd", {"platform": "", "machine": "", "libc": ""}, False),
        ("_core.abi3.so", {}, False),
        ("_core.so", {}, False),
        ("libfoo.so.1", {}, False),
        ("libfoo-1a2b3c.so.1.2.3", {}, False),
    ],
)
def test_suffixes_of_extension_modules(name: str, target: dict[str, Any], *, foreign: bool) -> None:
    dist = make_dist("x", "2.0")
    facts = make_facts([dist], [make_binary(dist, f"x/{name}")], **target)
    assert _items(facts) == ([("finding", "PLT003")] if foreign else [])


@pytest.mark.parametrize("sibling", ["x/_core.cpython-311-x86_64-linux-gnu.so", "x/_core.abi3.so", "x/_core.so"])
def test_a_fitting_file_beside_it_replaces_a_foreign_one(sibling: str) -> None:
    dist = make_dist("x")
    foreign = make_binary(dist, "x/_core.cpython-310-x86_64-linux-gnu.so")
    assert _items(make_facts([dist], [foreign, make_binary(dist, sibling)])) == []
    elsewhere = make_binary(dist, sibling.replace("x/", "x/sub/"))
    assert _items(make_facts([dist], [foreign, elsewhere])) == [("finding", "PLT003")]


def test_a_stray_module_among_those_that_fit_is_a_warning() -> None:
    dist = make_dist("astropy-healpix", "1.0.0")
    stray = make_binary(dist, "h/compiler_version.cpython-39-x86_64-linux-gnu.so")
    (finding,) = check_platform(make_facts([dist], [stray, make_binary(dist, "h/_core.abi3.so")]))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity) == ("PLT003", Severity.WARNING)
    bundled = make_binary(dist, "h.libs/libwcs.so.1")
    (finding,) = check_platform(make_facts([dist], [stray, bundled]))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR


def test_a_python_file_beside_it_replaces_a_foreign_one() -> None:
    dist = make_dist("x")
    binary = make_binary(dist, "x/md.cpython-310-x86_64-linux-gnu.so", has_source=True)
    assert _items(make_facts([dist], [binary])) == []


def test_all_foreign_modules_of_a_distribution_are_one_finding() -> None:
    dist = make_dist("x", "2.0")
    names = ["x/a.cpython-310-x86_64-linux-gnu.so", "x/b.cpython-310-x86_64-linux-gnu.so"]
    (finding,) = check_platform(make_facts([dist], [make_binary(dist, name) for name in names]))
    assert isinstance(finding, Finding)
    assert finding.message == (
        "x 2.0 has 2 extension modules built for another Python: this is CPython 3.11.7 on linux-x86_64"
    )
    assert finding.symptom == "ModuleNotFoundError: No module named 'x.a'"
