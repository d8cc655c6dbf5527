"""What is decided at a glance is what packaging decides; what is not plain is left to it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envaudit.plain_versions import all_hold, bounds_of, holds, marker_holds, release_of, requirement_of

RELEASES = ["0", "1", "1.0", "1.2", "1.2.0", "1.2.3", "1.10", "2.0.1", "10.4", "0.9.9", "1.2.3.4", "2022.01"]
VERSIONS = [*RELEASES, "1.2.post1", "1.2.0.post2+cpu", "2.0+cpu", "1.2+cu118.x", "1.2.3.post0"]
RESTS = ["", ".*", "a1", ".a.0", "dev0", "-rc1", "b2", ".dev", "a", ".post1", "+cpu"]
OPERATORS = ["==", "!=", "<=", ">=", "~=", "<", ">", "==="]
MARKERS = {
    "python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "platform_system": "Linux",
    "platform_machine": "x86_64", "os_name": "posix", "implementation_name": "cpython",
    "implementation_version": "3.11.7", "platform_python_implementation": "CPython", "platform_release": "5",
    "platform_version": "#1",
}  # fmt: skip


def test_every_bound_is_judged_as_packaging_judges_it() -> None:
    decided = 0
    for operator, release, rest in itertools.product(OPERATORS, RELEASES, RESTS):
        for version in VERSIONS:
            held = holds(operator + release + rest, version)
            if held is not None:
                decided += 1
                assert held == SpecifierSet(operator + release + rest).contains(version, prereleases=True)
    assert decided > 10_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(OPERATORS), st.sampled_from(["", " "]), st.sampled_from(RELEASES), st.sampled_from(RESTS)
        )
    ),
    st.sampled_from(VERSIONS),
    st.sampled_from([",", " , ", ",,", ", "]),
)
def test_specifiers_are_judged_as_packaging_judges_them(parts: list[tuple[str, ...]], version: str, comma: str) -> None:
    specifier = comma.join(map("".join, parts))
    held = holds(specifier, version)
    if held is not None:
        assert held == SpecifierSet(specifier).contains(version, prereleases=True)


@given(st.text(alphabet="=<>!~ .,*0123456789abrcdevpost+-()", max_size=12), st.sampled_from(VERSIONS))
def test_no_wrong_specifier_is_taken_for_a_plain_one(specifier: str, version: str) -> None:
    if holds(specifier, version) is not None:
        try:
            SpecifierSet(specifier)
        except InvalidSpecifier:
            pytest.fail(f"{specifier!r} is none")


@pytest.mark.parametrize("version", ["", "1.0rc1", "1.0.dev1", "1!1.0", "v1", "1..0", "1.", "1.0+", "٣", "9" * 99, "x"])
def test_other_versions_are_left_to_packaging(version: str) -> None:
    assert release_of(version) is None
    assert holds(">=1", version) is None


@pytest.mark.parametrize(
    "text",
    [
        "numpy", "numpy>=1.20", "numpy (>=1.20,<2)", "numpy>=1.20 ; python_version >= '3.8'", " numpy ", "a.b_c-d==1.*",
        "coverage[toml]>=7.10.6", "x[a, b-c] ; extra == 'test'", "botocore (<2.0a.0,>=1.37.4)",
        "llvmlite<0.51,>=0.50.0dev0",
        "x; (sys_platform == 'linux' or sys_platform == 'darwin') and extra == \"tests\"",
        "x ; sys_platform == 'linux' or sys_platform == 'darwin' and python_version < '3'",
    ],
)  # fmt: skip
def test_plain_requirements_are_read_as_packaging_reads_them(text: str) -> None:
    plain = requirement_of(text)
    full = Requirement(text)
    assert plain is not None
    assert (plain.name, set(plain.extras)) == (full.name, full.extras)
    assert SpecifierSet(",".join(map(str, plain.bounds))) == full.specifier
    for version in VERSIONS:
        release = release_of(version)
        assert release is not None
        assert all_hold(plain.bounds, release) == full.specifier.contains(version, prereleases=True)
    for extra in ("", "test", "tests", "Test", "docs"):
        expected = full.marker is None or full.marker.evaluate({**MARKERS, "extra": extra})
        assert marker_holds(plain.marker, MARKERS, extra) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x @ file:///x",
        "x[",
        "x>=",
        "x 1.0",
        "",
        ">=1",
        "x>=1.0.post1",
        "x ()",
        "x;",
        "x ; ",
        "x>=1 >=2",
        "x[a]b",
        "-x",
        "x-",
    ],
)
def test_other_requirements_are_left_to_packaging(text: str) -> None:
    assert requirement_of(text) is None


@given(
    st.text(alphabet="xX1 .-_[],()<>=!~;", max_size=14),
)
def test_no_wrong_requirement_is_taken_for_a_plain_one(text: str) -> None:
    plain = requirement_of(text)
    if plain is not None and marker_holds(plain.marker, MARKERS) is not None:
        try:
            assert Requirement(text).name == plain.name
        except InvalidRequirement:
            pytest.fail(f"{text!r} is none")


@pytest.mark.parametrize(
    "marker",
    [
        "python_version", "python_version >= 3", "foo == 'x'", "python_version in '3.8'", "python_version >= '3.8' and",
        "(python_version >= '3.8'", "python_version >= '3.8')", "sys_platform > 'linux'", "sys_platform == 'v1'",
        "'3.8' <= python_version", "foo == 'x' and extra == 'y'", "sys_platform == 'a' sys_platform == 'b'", "()",
        "python_version >= '3.8' or or extra == 'x'", "extra == 'x'" + " or extra == 'x'" * 99, "(" * 60,
    ],
)  # fmt: skip
def test_other_markers_are_left_to_packaging(marker: str) -> None:
    assert marker_holds(marker, MARKERS) is None


_CLAUSES = st.sampled_from([
    "python_version >= '3.8'", 'python_version<"3.10"', "python_full_version == '3.11.*'", "os_name == 'nt'",
    "sys_platform != 'win32'", "extra == 'test'", "extra != 'all'", "platform_machine == 'x86_64'",
    "python_version ~= '3.8'",
])  # fmt: skip


@given(st.recursive(_CLAUSES, lambda inner: st.builds("{}{}{}".format, inner, st.sampled_from([" and ", " or "]), inner)
                    | inner.map("({})".format)), st.sampled_from(["", "test", "all"]))  # fmt: skip
def test_markers_are_judged_as_packaging_judges_them(marker: str, extra: str) -> None:
    held = marker_holds(marker, MARKERS, extra)
    if held is not None:
        assert held == Marker(marker).evaluate({**MARKERS, "extra": extra})


@given(st.text(alphabet="()'\"=<> andorextpyhon_vsi3.", max_size=20))
def test_no_wrong_marker_is_taken_for_a_plain_one(marker: str) -> None:
    if marker and marker_holds(marker, MARKERS) is not None:
        try:
            Marker(marker)
        except InvalidMarker:
            pytest.fail(f"{marker!r} is none")


def test_the_text_of_a_bound_is_a_specifier() -> None:
    bounds = bounds_of(">=1.20, <2.0a.0 ,==1.*")
    assert bounds is not None
    assert [str(bound) for bound in bounds] == [">=1.20", "<2.0a.0", "==1.*"]
