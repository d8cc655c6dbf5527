"""The gate as users run it: a repository whose requirements change, with the real index."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.gate.repository import commit, repository
from tests.requirements import locks
from tests.support.command import envaudit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Ran

pytestmark = pytest.mark.network

GOOD, BAD = "pandas==2.2.3\n", "pandas==2.0.3\n"


def gate(folder: Path, *arguments: str) -> Ran:
    return envaudit(
        "gate", *arguments, "--python-version", "3.11", "--python-platform", "linux", "-f", "json", cwd=str(folder)
    )


def summary(ran: Ran) -> list[tuple[str, str, str, int]]:
    findings = ran.report()["findings"]
    return [(f["code"], f["severity"], f["location"]["path"], f["location"]["line"]) for f in findings]


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "online"])
def test_a_downgrade_with_numpy_unpinned_fails_at_its_line(tmp_path: Path, offline: bool) -> None:
    options = ["--offline"] if offline else []
    head = "six==1.16.0\n# numbers\n"
    folder = repository(tmp_path / "r", {"requirements.txt": head + GOOD})
    commit(folder, {"requirements.txt": head + BAD})
    ran = gate(folder, "requirements.txt", "--base", "HEAD~1", *options)
    assert ran.status == 1, ran.stderr
    assert summary(ran) == [("ABI001", "error", "requirements.txt", 3)]
    (finding,) = ran.report()["findings"]
    assert ["pandas>=2.2.2"] in [fix["constraints"] for fix in finding["fix"]]
    assert ["numpy<2"] in [fix["constraints"] for fix in finding["fix"]]
    # Backwards, it passes.
    commit(folder, {"requirements.txt": head + GOOD})
    back = gate(folder, "requirements.txt", "--base", "HEAD~1", *options)
    assert (back.status, summary(back)) == (0, [])


def test_an_old_finding_does_not_fail_an_unrelated_change(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r", {"requirements.txt": "six==1.15.0\n" + BAD})
    commit(folder, {"requirements.txt": "six==1.16.0\n" + BAD})
    ran = gate(folder, "requirements.txt", "--base", "HEAD~1")
    assert (ran.status, summary(ran)) == (0, [("ABI001", "note", "requirements.txt", 2)])
    assert gate(folder, "requirements.txt").status == 1


@pytest.mark.parametrize("name", locks.NAMES)
def test_the_same_with_each_lock_file(tmp_path: Path, name: str) -> None:
    good, bad = ({"numpy": "2.2.6", "pandas": version} for version in ("2.2.3", "2.0.3"))
    folder = repository(tmp_path / "r", {name: locks.lock(name, good)})
    commit(folder, {name: locks.lock(name, bad)})
    started = time.perf_counter()
    ran = gate(folder, name, "--base", "HEAD~1", "--offline")
    seconds = time.perf_counter() - started
    assert ran.status == 1, ran.stderr
    assert [(code, severity, path) for code, severity, path, _ in summary(ran)] == [("ABI001", "error", name)]
    line = (folder / name).read_text().splitlines()[summary(ran)[0][3] - 1]
    assert "2.0.3" in line
    assert seconds < 10  # it takes a third of a second on a machine that has nothing else to do
    commit(folder, {name: locks.lock(name, good)})
    back = gate(folder, name, "--base", "HEAD~1", "--offline")
    assert (back.status, summary(back)) == (0, [])


def test_a_release_without_wheel_is_told_before_it_is_built(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy==1.21.6\n")
    ran = gate(tmp_path, "requirements.txt")  # 1.21.6 has wheels up to Python 3.10
    assert ("IDX002", "warning", "requirements.txt", 1) in summary(ran)


def test_a_version_that_never_was(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six==1.16.0\nsampleproject==99.9\n")
    ran = gate(tmp_path, "requirements.txt", "--no-resolve")
    assert (ran.status, summary(ran)) == (1, [("IDX003", "error", "requirements.txt", 2)])


def test_requirements_that_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("pandas==2.2.3\nnumpy==1.20.0\n")
    ran = gate(tmp_path, "requirements.txt")
    assert ran.status == 1
    assert "DEP002" in {each[0] for each in summary(ran)}


def test_a_file_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six\npandas==\n")
    ran = gate(tmp_path, "requirements.txt", "--offline")
    assert ran.status == 2
    assert "requirements.txt:2: not a requirement" in ran.stderr


def test_wheels_are_read_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy==2.0.2\nrobust-laplacian==0.2.7\nscipy==1.13.1\n")
    blind = gate(tmp_path, "requirements.txt", "--no-resolve")  # what a table knows is predicted
    assert {each["confidence"] for each in blind.report()["findings"] if each["code"] == "ABI002"} <= {"predicted"}
    assert any(gap["code"] == "API" for gap in blind.report()["gaps"])
    ran = gate(tmp_path, "requirements.txt", "--no-resolve", "--deep")
    assert ("ABI002", "error", "requirements.txt", 2) in summary(ran)
    evidence = [each for finding in ran.report()["findings"] for each in finding["evidence"]]
    assert any(each["detail"] == "read from the wheel" and "robust_laplacian" in each["path"] for each in evidence)
    assert not any(gap["code"] == "API" for gap in ran.report()["gaps"])


def test_names_in_wheels_are_linked_when_asked_for(tmp_path: Path) -> None:
    pins = (
        "flask==2.1.3",
        "werkzeug==3.0.1",
        "jinja2==3.1.4",
        "markupsafe==2.1.5",
        "itsdangerous==2.2.0",
        "click==8.1.7",
    )
    (tmp_path / "requirements.txt").write_text("\n".join(pins) + "\n")
    ran = gate(tmp_path, "requirements.txt", "--no-resolve", "--deep", "--select", "API")
    assert ("API001", "error", "requirements.txt", 1) in summary(ran)
    pinned = (tmp_path / "requirements.txt").read_text().replace("flask==2.1.3", "flask==3.0.3")
    (tmp_path / "requirements.txt").write_text(pinned)
    assert gate(tmp_path, "requirements.txt", "--no-resolve", "--deep", "--select", "API").report()["findings"] == []
