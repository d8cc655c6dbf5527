"""A command line whose audit gives back a report made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import envaudit.audit
from envaudit.files_seen import doubt
from tests.report.samples import BROKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from envaudit.audit import Progress
    from envaudit.model import Report
    from envaudit.settings import Settings


class FakeAudit:
    """Takes the place of the audit: keeps the settings and returns ``report``, or does what ``act`` says."""

    def __init__(self) -> None:
        self.report: Report = BROKEN
        self.settings: list[Settings] = []
        self.progress: Progress | None = None
        self.act: Callable[[], Any] | None = None

    def __call__(
        self, settings: Settings, environ: Mapping[str, str], cwd: str, progress: Progress | None = None
    ) -> Report:
        doubt("made by hand")
        self.settings.append(settings)
        self.progress = progress
        if self.act is not None:
            self.act()
        return self.report


@pytest.fixture
def fake_audit(monkeypatch: pytest.MonkeyPatch) -> FakeAudit:
    fake = FakeAudit()
    monkeypatch.setattr(envaudit.audit, "audit", fake)
    return fake


@pytest.fixture(autouse=True)
def _clean_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, without variables that change colours or settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "ENVAUDIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
