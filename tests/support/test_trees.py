"""The tree builders write what the standard library reads back."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from tests.support.trees import Dist, make_venv, site_packages

if TYPE_CHECKING:
    from pathlib import Path


def test_distributions_are_read_back_by_the_standard_library(tmp_path: Path) -> None:
    pandas = Dist("pandas", "2.0.3", requires=["numpy>=1.20.3"], extras=["test"], requires_python=">=3.8")
    venv = make_venv(tmp_path, distributions=[pandas])
    (found,) = importlib.metadata.distributions(path=[str(site_packages(venv))])
    assert (found.metadata["Name"], found.version) == ("pandas", "2.0.3")
    assert found.requires == ["numpy>=1.20.3"]
    files = {str(file): file for file in found.files or ()}
    assert set(files) == {
        "pandas/__init__.py",
        *(f"pandas-2.0.3.dist-info/{name}" for name in ("METADATA", "WHEEL", "INSTALLER", "RECORD")),
    }
    assert files["pandas-2.0.3.dist-info/INSTALLER"].size == 4
