"""The server of the tests is one that other clients accept, so that passing against it means something."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import UV
from tests.support.package_index import package_index
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "behaviour", [{"form": "json", "metadata": "offered"}, {"form": "html"}, {"form": "json", "etag": True}]
)
def test_uv_installs_from_it(behaviour: dict[str, Any], tmp_path: Path) -> None:
    files = {
        "demo": {"demo-1.0-py3-none-any.whl": wheel("demo", "1.0", ["other>=2"])},
        "other": {f"other-{version}-py3-none-any.whl": wheel("other", version) for version in ("1.0", "2.5")},
    }
    with package_index(files, **behaviour) as server:
        command = [*UV, "pip", "install", "--no-config", "--no-cache", "--target", str(tmp_path / "out"), "demo"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        environ["UV_DEFAULT_INDEX"] = server.address
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)
        ranges = [request for request in server.requests if "range" in request.headers]
    assert done.returncode == 0, done.stderr
    installed = {path.name for path in (tmp_path / "out").glob("*.dist-info")}
    assert installed == {"demo-1.0.dist-info", "other-2.5.dist-info"}
    assert bool(ranges) == (behaviour.get("metadata") != "offered"), "uv reads METADATA in parts when it has to"
