"""Real kernels: one that starts, one that dies though its metadata are in order, one whose environment is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kernels.test_kernels import spec
from tests.support.command import check, envaudit
from tests.support.environments import build_environment, python_of
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_environment(tmp_path_factory.mktemp("server") / "env", "3.11", ["ipykernel==6.29.5"])


def test_a_healthy_kernel_starts_and_nothing_is_said(server: Path, tmp_path: Path) -> None:
    ran = envaudit("kernel", "check", str(server), "-f", "json", "--strict", HOME=str(tmp_path))
    assert (ran.report()["findings"], ran.report()["gaps"], ran.status) == ([], [], 0)
    assert [each for each in check(server, "--no-smoke").report()["findings"] if each["code"][:3] == "JUP"] == []


def test_kernels_that_die_and_kernels_that_are_gone(server: Path, tmp_path: Path) -> None:
    bad = build_environment(tmp_path / "bad", "3.11", ["ipykernel==6.29.5", "ipython==8.21.0", "traitlets==5.14.3"])
    module = next(bad.glob("lib/python3*/site-packages/comm/__init__.py"))
    module.unlink()  # it may be a link to what other environments have as well
    module.write_text("raise RuntimeError('last words')\n")
    write_tree(
        tmp_path / "home/.local/share/jupyter/kernels",
        {"bad/kernel.json": spec(str(python_of(bad)), "Bad"), "gone/kernel.json": spec("/gone/bin/python", "Gone")},
    )
    ran = envaudit("kernel", "check", str(server), "-f", "json", HOME=str(tmp_path / "home"))
    found = {(each["code"], each["message"]) for each in ran.report()["findings"]}
    assert found == {
        ("JUP001", "the kernel gone of the user is started by /gone/bin/python, which is not there"),
        ("JUP008", "the kernel bad of the user does not start: RuntimeError: last words"),
    }
    assert ran.status == 1
    listed = envaudit("kernel", "list", str(server), HOME=str(tmp_path / "home"))
    assert "/gone/bin/python is not there" in listed.stdout


def test_without_jupyter_client_nothing_is_started(tmp_path: Path) -> None:
    plain = build_environment(tmp_path / "plain", "3.11", ["six==1.17.0"])
    kernels = {"share/jupyter/kernels/x/kernel.json": spec("python"), "home/x": ""}
    write_tree(plain, kernels)
    ran = envaudit("kernel", "check", str(plain), "-f", "json", HOME=str(tmp_path))
    assert [each["code"] for each in ran.report()["findings"]] == ["JUP002"]
    assert json.loads(ran.stdout)["exit_code"] == 1
