"""The gate with an index on this machine: what it says, and that what it does not say is a gap."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.gate import GateRequest, gate
from envaudit.model import Severity
from envaudit.settings import Settings
from tests.support.package_index import package_index
from tests.support.wheels import wheel, wheel_name

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Gap, Report

LINUX = "cp311-cp311-manylinux_2_17_x86_64"


def offered(name: str, *versions: str, tag: str = "py3-none-any", **fields: Any) -> dict[str, dict[str, bytes]]:
    return {name: {wheel_name(name, each, tag): wheel(name, each, tag=tag, **fields) for each in versions}}


def judge(
    folder: Path,
    text: str,
    address: str,
    python: str = "3.11",
    settings: Settings = Settings(cache=False),  # noqa: B008  a value that cannot be changed
    **fields: Any,
) -> Report:
    (folder / "requirements.txt").write_text(text)
    environ = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": address, "PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder)}
    environ["ENVAUDIT_CACHE_DIR"] = str(folder / "cache")
    request = GateRequest(("requirements.txt",), pythons=(python,), platforms=("linux",), resolve=False, **fields)
    return gate(settings, request, environ, str(folder))


def index_gaps(report: Report) -> list[Gap]:
    return [gap for gap in report.gaps if gap.code.startswith("IDX")]


def found(report: Report) -> list[tuple[str, str, str, int | None]]:
    return [
        (each.code, each.severity.value, each.distribution, (each.location or (0, 0))[1]) for each in report.findings
    ]


def test_what_is_there_and_fits_is_no_finding(tmp_path: Path) -> None:
    with package_index(offered("demo", "1.0", tag=LINUX)) as server:
        report = judge(tmp_path, "demo==1.0\n", server.address)
    assert found(report) == []
    assert [gap.code for gap in report.gaps if gap.code.startswith("IDX")] == ["IDX005"]


def test_an_index_too_old_to_know_of_archived_projects_is_a_gap(tmp_path: Path) -> None:
    with package_index({**offered("demo", "1.0"), **offered("other", "1.0")}, api="1.3", advisories={}) as server:
        report = judge(tmp_path, "demo==1.0\nother==1.0\n", server.address)
    (gap,) = index_gaps(report)
    assert (gap.code, gap.what) == ("IDX004", server.address.rstrip("/"))
    assert "2 projects are archived" in gap.why


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_strict_run_in_which_all_was_checked_is_clean(tmp_path: Path, form: str) -> None:
    with package_index(offered("demo", "1.0"), form=form, advisories={}) as server:
        report = judge(tmp_path, "demo==1.0\n", server.address, settings=Settings(cache=False, strict=True), deep=True)
    assert (report.exit_code, report.findings, report.gaps) == (0, (), ())


def test_a_strict_run_may_leave_out_what_the_index_cannot_say(tmp_path: Path) -> None:
    strict = Settings(cache=False, strict=True)
    with package_index(offered("demo", "1.0"), api="1.1") as server:
        assert judge(tmp_path, "demo==1.0\n", server.address, settings=strict).exit_code == 3
        known = strict._replace(ignore=("IDX004", "IDX005", "API"))
        assert judge(tmp_path, "demo==1.0\n", server.address, settings=known).exit_code == 0


def test_what_was_asked_a_moment_ago_costs_neither_requests_nor_their_imports(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("demo==1.0\n")
    command = [sys.executable, "-X", "importtime", "-m", "envaudit", "gate", "requirements.txt", "--no-resolve"]
    with package_index(offered("demo", "1.0", "1.1")) as server:
        environ = {**os.environ, "PIP_INDEX_URL": server.address, "PIP_CONFIG_FILE": "/dev/null"}
        environ |= {"ENVAUDIT_CACHE_DIR": str(tmp_path / "cache"), "ENVAUDIT_INDEX_URL": server.address}
        runs = [
            subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
            for _ in range(2)
        ]
        asked = [request.path for request in server.requests]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr[-500:]
    assert runs[0].stdout == runs[1].stdout
    assert asked.count("/simple/demo/") == 1
    assert [" requests\n" in run.stderr for run in runs] == [True, False]
    assert "urllib3" not in runs[1].stderr


ADVISORIES = [
    {
        "id": "PYSEC-1",
        "aliases": ["CVE-2020-1", "GHSA-aaaa"],
        "details": "Long story.\n\nMore.",
        "summary": "Reads files of others",
        "fixed_in": ["0.5", "1.2", "1.1"],
        "link": "https://example.org/PYSEC-1",
        "withdrawn": None,
    },
    {"id": "GHSA-aaaa", "aliases": ["CVE-2020-1"], "fixed_in": ["1.1"], "withdrawn": None},
    {"id": "PYSEC-2", "aliases": [], "fixed_in": ["1.3"], "withdrawn": "2021-01-01T00:00:00Z"},
    {"id": "PYSEC-3", "aliases": [], "details": "No way out", "fixed_in": [], "withdrawn": None},
]


def test_known_vulnerabilities_without_those_that_were_withdrawn(tmp_path: Path) -> None:
    with package_index(offered("demo", "1.0", "1.1"), advisories={"demo 1.0": ADVISORIES}) as server:
        report = judge(tmp_path, "\ndemo==1.0\n", server.address)
        other = judge(tmp_path, "demo==1.1\n", server.address)
    assert found(report) == [("IDX005", "warning", "demo", 2)] * 2
    first, second = report.findings
    assert "PYSEC-1 (CVE-2020-1, GHSA-aaaa); mended in 0.5, 1.2, 1.1: Reads files of others" in first.message
    assert first.fix[0].constraints == ("demo>=1.1",)
    assert "PYSEC-3; no release without it is known" in second.message
    assert first.fingerprint != second.fingerprint
    assert found(other) == []
    assert index_gaps(other) == []


@pytest.mark.parametrize(
    ("told", "why"),
    [("many", "no list of vulnerabilities"), ([{"aliases": ["\x1b[2J"]}], "without an id")],
)
def test_vulnerabilities_of_another_form_are_a_gap(tmp_path: Path, told: Any, why: str) -> None:
    files = {**offered("demo", "1.0"), **offered("other", "1.0")}
    with package_index(files, advisories={"demo 1.0": told}) as server:
        report = judge(tmp_path, "demo==1.0\nother==1.0\n", server.address)
    assert found(report) == []
    (gap,) = index_gaps(report)
    assert (gap.code, gap.what) == ("IDX005", "demo 1.0")
    assert why in gap.why


def test_an_index_without_vulnerabilities_is_asked_once_in_a_while(tmp_path: Path) -> None:
    files = {name: content for number in range(6) for name, content in offered(f"demo{number}", "1.0").items()}
    text = "".join(f"{name}==1.0\n" for name in files)
    with package_index(files) as server:
        for _ in range(2):
            report = judge(tmp_path, text, server.address, settings=Settings(cache=True))
        assert len(server.asked("/pypi/")) == 2
    (gap,) = index_gaps(report)
    assert gap.code == "IDX005"
    assert "6 releases were not checked" in gap.why


def test_a_yanked_release_with_its_reason(tmp_path: Path) -> None:
    extra = {wheel_name("demo", "1.0"): {"yanked": "deletes your files"}}
    with package_index(offered("demo", "1.0", "1.1"), extra=extra) as server:
        report = judge(tmp_path, "\ndemo==1.0\n", server.address)
        other = judge(tmp_path, "demo==1.1\n", server.address)
    assert found(report) == [("IDX001", "warning", "demo", 2)]
    assert "deletes your files" in report.findings[0].message
    assert found(other) == []


@pytest.mark.parametrize(
    ("text", "message"), [("demo==9.9\n", "no such version"), ("absent==1.0\n", "no such project")]
)
def test_what_does_not_exist(tmp_path: Path, text: str, message: str) -> None:
    with package_index(offered("demo", "1.0")) as server:
        report = judge(tmp_path, text, server.address)
    assert [each[:2] for each in found(report)] == [("IDX003", "error")]
    assert message in report.findings[0].message


@pytest.mark.parametrize(
    ("files", "severity", "message"),
    [
        ({wheel_name("demo", "1.0", LINUX): b"", "demo-1.0.tar.gz": b""}, "warning", "would be built from source"),
        ({wheel_name("demo", "1.0", LINUX): b""}, "error", "no source: it cannot be installed"),
        ({"demo-1.0.tar.gz": b""}, "note", "would be built from source"),
    ],
)
def test_no_wheel_for_this_python(tmp_path: Path, files: dict[str, bytes], severity: str, message: str) -> None:
    with package_index({"demo": files}) as server:
        report = judge(tmp_path, "demo==1.0\n", server.address, python="3.13")
    assert found(report) == [("IDX002", severity, "demo", 1)]
    assert message in report.findings[0].message


@pytest.mark.parametrize(
    ("status", "severity"), [("quarantined", "error"), ("archived", "note"), ("deprecated", "note")]
)
def test_the_status_of_a_project(tmp_path: Path, status: str, severity: str) -> None:
    with package_index(offered("demo", "1.0"), status={"status": status, "reason": "see there"}) as server:
        report = judge(tmp_path, "demo==1.0\n", server.address)
    assert found(report) == [("IDX004", severity, "demo", 1)]
    assert "see there" in report.findings[0].message


def test_hashes_that_the_index_does_not_offer(tmp_path: Path) -> None:
    files = offered("demo", "1.0")
    good = hashlib.sha256(next(iter(files["demo"].values()))).hexdigest()
    with package_index(files) as server:
        fits = judge(tmp_path, f"demo==1.0 --hash=sha256:{'0' * 64} --hash=sha256:{good}\n", server.address)
        bad = judge(tmp_path, f"demo==1.0 --hash=sha256:{'0' * 64}\n", server.address)
        other = judge(tmp_path, f"demo==1.0 --hash=md5:{'0' * 32}\n", server.address)
    assert found(fits) == []
    assert found(bad) == [("IDX006", "error", "demo", 1)]
    assert found(other) == []
    assert any(gap.code == "IDX006" and "no digest of the kind" in gap.why for gap in other.gaps)


def test_an_index_that_does_not_answer_is_a_gap_and_never_clean(tmp_path: Path) -> None:
    with package_index(offered("demo", "1.0"), busy=(500,) * 9, retry_after="0") as server:
        report = judge(tmp_path, "demo==1.0\nabsent==1\n", server.address)
    assert found(report) == []
    assert {gap.what for gap in report.gaps if "busy or broken" in gap.why} == {"demo 1.0", "absent 1"}


def test_metadata_of_a_lock_is_read_and_held_against_it(tmp_path: Path) -> None:
    files = {**offered("demo", "1.0", requires=("other>=2", "absent")), **offered("other", "1.0")}
    with package_index(files) as server:
        digests = {name: hashlib.sha256(next(iter(content.values()))).hexdigest() for name, content in files.items()}
        text = "".join(f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in digests.items())
        report = judge(tmp_path, text, server.address)
    assert sorted(found(report)) == [("DEP001", "error", "demo", 1), ("DEP002", "error", "demo", 1)]


def test_an_index_named_in_the_file_is_asked_and_its_password_never_shown(tmp_path: Path) -> None:
    with package_index(offered("demo", "1.0"), auth=("me", "secret")) as server:
        address = server.address.replace("http://", "http://me:secret@")
        report = judge(tmp_path, f"--index-url {address}\ndemo==2.0\n", "http://127.0.0.1:9/simple/")
    assert [each[0] for each in found(report)] == ["IDX003"]
    assert "secret" not in repr(report)
    assert report.findings[0].severity is Severity.ERROR
