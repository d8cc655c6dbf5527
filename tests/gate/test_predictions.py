"""What the gate predicts from pins alone, of sets of wheels that are known to break or to work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envaudit.gate import GateRequest, gate
from envaudit.model import Severity
from envaudit.settings import Settings

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "e2e" / "data" / "combos.jsonl").read_text("utf-8").splitlines()
]
# How many of each kind were predicted when this was written, without any look at a wheel or an index.
CAUGHT = {"abi": (37, 43), "api": (69, 80)}


def predicted(folder: Path, pins: list[str], python: str) -> list[str]:
    (folder / "requirements.txt").write_text("".join(f"{pin}\n" for pin in pins))
    request = GateRequest(("requirements.txt",), offline=True, pythons=(python,), platforms=("manylinux_2_36_x86_64",))
    report = gate(Settings(cache=False), request, {}, str(folder))
    return [f"{each.code} {each.distribution}" for each in report.findings if each.severity is Severity.ERROR]


@pytest.mark.parametrize("kind", CAUGHT)
def test_broken_sets_are_predicted(kind: str, tmp_path: Path) -> None:
    rows = [row for row in ROWS if row["kind"] == kind]
    caught = [row["id"] for row in rows if predicted(tmp_path, row["pins"], row["python"])]
    assert len(rows) == CAUGHT[kind][1]
    assert len(caught) >= CAUGHT[kind][0], sorted({row["id"] for row in rows} - set(caught))


def test_no_healthy_twin_raises_an_alarm(tmp_path: Path) -> None:
    alarms = {
        row["id"]: found
        for row in ROWS
        if row["good_pins"]
        and (found := predicted(tmp_path, row["good_pins"], row.get("good_python") or row["python"]))
    }
    assert alarms == {}
