"""PLT004 to PLT006: what compiled files are made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.plt_content import check_content
from envaudit.model import Severity, VersionNeed, replace
from tests.support.facts import make_binary, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import Binary, Distribution


def _with(dist: Distribution, path: str, **fields: Any) -> Binary:
    binary = make_binary(dist, path)
    assert binary.facts is not None
    return replace(binary, facts=replace(binary.facts, **fields))


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        (["x86_64"], 0),
        (["aarch64"], 1),
        (["aarch64", "x86_64"], 1),
        (["aarch64", "x86_64", "x86_64"], 0),
        (["i686", "x86_64", "x86_64"], 0),
    ],
)
def test_another_machine_in_the_headers(machines: list[str], expected: int) -> None:
    dist = make_dist("x", "2.0")
    binaries = [_with(dist, f"x/m{number}.abi3.so", machine=machine) for number, machine in enumerate(machines)]
    found = list(check_content(make_facts([dist], binaries)))
    assert [finding.code for finding in found] == ["PLT004"] * expected
    if found:
        assert found[0].message == "x 2.0 holds compiled files for aarch64, but this is x86_64"
        assert found[0].severity is Severity.ERROR
        assert len(found[0].evidence) == machines.count("aarch64")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("selenium/webdriver/firefox/x86/x_ignore_nofocus.so", 0),
        ("phone/agent/libagent.so.1", 0),
        ("x/_core.abi3.so", 1),
        ("x/_core.cpython-311-x86_64-linux-gnu.so", 1),
    ],
)
def test_a_library_for_another_machine_may_be_data(path: str, expected: int) -> None:
    dist = make_dist("x")
    assert len(list(check_content(make_facts([dist], [_with(dist, path, machine="i686")])))) == expected


@pytest.mark.parametrize("field", [{"format": "pe"}, {"format": "macho"}])
def test_files_of_other_systems_are_not_compared(field: dict[str, str]) -> None:
    dist = make_dist("x")
    assert list(check_content(make_facts([dist], [_with(dist, "x/m.dll", machine="ARM64", **field)]))) == []


def test_names_of_one_machine_are_one_machine() -> None:
    dist = make_dist("x")
    mac = {"platform": "macosx-arm64", "machine": "arm64", "libc": ""}
    binary = _with(dist, "x/m.so", machine="aarch64", format="macho")
    assert list(check_content(make_facts([dist], [binary], **mac))) == []
    assert list(check_content(make_facts([dist], [binary], machine=""))) == []


@pytest.mark.parametrize(
    ("tags", "version", "expected"),
    [
        (("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"), "GLIBC_2.34", 1),
        (("cp311-cp311-manylinux_2_17_x86_64",), "GLIBC_2.17", 0),
        (("cp311-cp311-manylinux_2_17_x86_64",), "GLIBC_2.2.5", 0),
        (("cp311-cp311-manylinux_2_28_x86_64",), "GLIBC_2.28", 0),
        (("cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64",), "GLIBC_2.28", 1),
        (("cp311-cp311-manylinux1_x86_64",), "GLIBC_2.14", 1),
        (("cp311-cp311-manylinux2010_x86_64",), "GLIBC_2.12", 0),
        (("cp311-cp311-manylinux_2_17_x86_64",), "GLIBC_PRIVATE", 0),
        (("cp311-cp311-manylinux_2_17_x86_64",), "GLIBC_ABI_DT_RELR", 0),
        (("cp311-cp311-linux_x86_64",), "GLIBC_2.34", 0),
        (("py3-none-any",), "GLIBC_2.34", 0),
        ((), "GLIBC_2.34", 0),
    ],
)
def test_what_a_tag_promises(tags: tuple[str, ...], version: str, expected: int) -> None:
    dist = make_dist("x", "2.0", wheel_tags=tags)
    needs = (VersionNeed("libc.so.6", ("GLIBC_2.2.5", version)),)
    found = list(check_content(make_facts([dist], [_with(dist, "x/m.so", versions_needed=needs)])))
    assert [(finding.code, finding.severity) for finding in found] == [("PLT005", Severity.NOTE)] * expected


@pytest.mark.parametrize(
    ("name", "version", "flags", "expected"),
    [
        ("numpy", "2.4.6", {"ssse3", "sse4_1"}, "sse4_2, popcnt"),
        ("numpy", "2.3.5", {"ssse3"}, ""),
        ("numpy", "2.4.6", {"ssse3", "sse4_1", "sse4_2", "popcnt", "avx"}, ""),
        ("numpy", "2.4.6", set(), ""),
        ("tensorflow", "2.8.0", {"sse4_2"}, "avx"),
        ("pandas", "2.2.3", {"sse4_2"}, ""),
        ("jaxlib", "unknown", {"sse4_2"}, ""),
    ],
)
def test_instructions_of_the_processor(name: str, version: str, flags: set[str], expected: str) -> None:
    facts = replace(make_facts([make_dist(name, version)]), cpu_flags=frozenset(flags))
    found = list(check_content(facts))
    assert [finding.severity for finding in found] == ([Severity.WARNING] if expected else [])
    if found:
        assert found[0].message.endswith(f"this processor does not have: {expected}")
    arm = replace(facts, target=replace(facts.target, machine="aarch64"))
    assert list(check_content(arm)) == []
