"""``check --online``: the index asked about what is installed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from envaudit.audit import audit
from envaudit.settings import Settings
from tests.support.package_index import package_index
from tests.support.trees import Dist, make_venv
from tests.support.wheels import wheel, wheel_name

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Report


def check(folder: Path, address: str, *dists: Dist, online: bool = True) -> Report:
    prefix = make_venv(folder, distributions=dists, name="env")
    environ = {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder)}
    settings = Settings(target=str(prefix), smoke="", cache=False, online=online, select=("IDX",))
    return audit(settings, environ, str(folder))


def test_installed_releases_are_asked_about(tmp_path: Path) -> None:
    files = {name: {wheel_name(name, "1.0"): wheel(name, "1.0")} for name in ("fine", "gone", "yanked")}
    extra = {wheel_name("yanked", "1.0"): {"yanked": "broken"}}
    with package_index(files, extra=extra) as server:
        report = check(
            tmp_path,
            server.address,
            Dist("fine", "1.0"),
            Dist("gone", "2.0"),
            Dist("yanked", "1.0"),
            Dist("absent", "1.0"),
            Dist("built", "1.0+cpu"),
            Dist("mine", "1.0", direct_url={"url": "file:///mine", "dir_info": {}}),
        )
    assert [(each.code, each.severity.value, each.distribution) for each in report.findings] == [
        ("IDX003", "warning", "absent"), ("IDX003", "warning", "gone"), ("IDX001", "warning", "yanked"),
    ]  # fmt: skip
    assert report.exit_code == 0
    whats = {gap.what for gap in report.gaps if gap.code == "IDX"}
    assert {"built 1.0+cpu", "mine 1.0"} <= whats
    assert [gap.code for gap in report.gaps if gap.what.startswith("known vulnerabilities on")] == ["IDX005"]


def test_an_index_that_does_not_answer_is_a_gap(tmp_path: Path) -> None:
    report = check(tmp_path, "http://127.0.0.1:9/simple/", Dist("fine", "1.0"))
    assert report.findings == ()
    assert any(gap.what == "fine 1.0" and "no answer" in gap.why for gap in report.gaps)


def test_without_it_no_socket_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert check(tmp_path, "http://127.0.0.1:9/simple/", Dist("fine", "1.0"), online=False).findings == ()
