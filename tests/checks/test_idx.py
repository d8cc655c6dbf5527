"""The package index: each answer of it, for what is installed and for what is only described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name

from envaudit.checks.idx import check_index
from envaudit.model import Advisory, Described, Facts, Finding, Gap, OnIndex
from tests.support.facts import make_target

if TYPE_CHECKING:
    from collections.abc import Sequence

WHEEL = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def judge(*, described: bool = True, libc: str = "glibc 2.36", **fields: Any) -> Sequence[Finding | Gap]:
    given = {"files": (WHEEL, "demo-1.0.tar.gz"), **fields}
    release = OnIndex("Demo", canonicalize_name("demo"), "1.0", "https://example.org/simple/", **given)
    target = make_target()._replace(libc=libc)
    what = Described("requirements.txt", "requirements", complete=True) if described else None
    return list(check_index(Facts(target, described=what, indexed=(release,))))


@pytest.mark.parametrize("described", [True, False])
def test_a_release_that_is_there_is_no_finding(described: bool) -> None:
    assert judge(described=described) == []


@pytest.mark.parametrize(
    ("fields", "described", "code", "severity"),
    [
        ({"yanked": ""}, True, "IDX001", "warning"),
        ({"yanked": "bad"}, False, "IDX001", "warning"),
        ({"files": ("demo-1.0-cp310-cp310-manylinux_2_17_x86_64.whl",)}, True, "IDX002", "error"),
        ({"files": (WHEEL.replace("x86_64", "aarch64"), "demo-1.0.tar.gz")}, True, "IDX002", "warning"),
        ({"files": ("demo-1.0.tar.gz",)}, True, "IDX002", "note"),
        ({"known": False, "files": ()}, True, "IDX003", "error"),
        ({"known": False, "files": ()}, False, "IDX003", "warning"),
        ({"known": False, "exists": False, "files": ()}, True, "IDX003", "error"),
        ({"status": "quarantined"}, True, "IDX004", "error"),
        ({"status": "archived", "status_reason": "done"}, False, "IDX004", "note"),
        ({"advisories": (Advisory("CVE-1"),)}, False, "IDX005", "warning"),
        (
            {"advisories": (Advisory("CVE-1", ("GHSA-2",), "bad", ("1.1",), "https://x.example"),)},
            True,
            "IDX005",
            "warning",
        ),
        ({"missing": ("sha256:00",)}, True, "IDX006", "error"),
    ],
)
def test_what_is_wrong(fields: dict[str, Any], described: bool, code: str, severity: str) -> None:
    (finding,) = judge(described=described, **fields)
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity.value) == (code, severity)
    assert finding.message.startswith("Demo 1.0 ")
    if severity != "note":
        assert finding.fix


def test_what_is_installed_needs_no_wheel_any_more() -> None:
    assert judge(described=False, files=("demo-1.0-cp310-cp310-linux_x86_64.whl",)) == []


def test_an_active_project_is_no_finding() -> None:
    assert judge(status="active") == []


def test_a_wheel_that_may_fit_is_a_gap() -> None:
    (gap,) = judge(libc="", files=(WHEEL,))
    assert isinstance(gap, Gap)
    assert (gap.code, gap.what) == ("IDX002", "Demo 1.0")
