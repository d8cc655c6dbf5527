"""The fake environment, made once; the smoke tests cut down to one for the tests of the sandbox."""

from __future__ import annotations

import pytest

from envaudit.smoke import SMOKE_TESTS, runner
from tests.smoke.fake import SOLVE, FakeEnvironment


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> FakeEnvironment:
    return FakeEnvironment(tmp_path_factory.mktemp("fake") / "venv")


@pytest.fixture
def fake(environment: FakeEnvironment, monkeypatch: pytest.MonkeyPatch) -> FakeEnvironment:
    monkeypatch.setattr(runner, "SMOKE_TESTS", tuple(test for test in SMOKE_TESTS if test.name == SOLVE))
    return environment
