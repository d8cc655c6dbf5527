"""Shared settings of the test run: when the package index cannot be reached, tests that need it say so."""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.environments import BuildError, build_environment

# What a shell starts in the background ignores interruptions, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _why_no_index(folder: str) -> str:
    """Try the smallest download there is, once; return why it failed, or nothing."""
    try:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        build_environment(Path(folder) / "probe", version, ["iniconfig"], "--no-cache")
    except BuildError as error:
        return str(error).splitlines()[-1] if str(error) else "uv failed"
    return ""


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_mine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave the cache of whoever runs the tests alone; each test run has one of its own."""
    os.environ["ENVAUDIT_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    if request.node.get_closest_marker("network") is None:
        return
    why = _why_no_index(str(tmp_path_factory.getbasetemp()))
    if why:
        pytest.skip(f"the package index cannot be reached: {why}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that download a second chance: an index is allowed to hiccup, a defect fails twice."""
    for item in items:
        if item.get_closest_marker("network") is not None:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
