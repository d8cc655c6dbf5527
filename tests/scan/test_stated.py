"""Versions that modules state, in the forms in which build tools write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.scan.stated import Stated, stated_version, version_files
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WITHOUT = 'def get_versions():\n    return {\n        "version": "0+unknown",\n        "error": "no tags"\n    }\n'


@pytest.mark.parametrize(
    ("files", "version", "where"),
    [
        ({"num/version.py": 'short_version = "1.13.1"\nversion = "1.13.1"\n'}, "1.13.1", "num/version.py"),
        ({"num/_version.py": "__version__ = version = '3.9.0'\n"}, "3.9.0", "num/_version.py"),
        ({"num/_version.py": 'version_json = \'\'\'\n{\n "version": "2.0.3"\n}\n'}, "2.0.3", "num/_version.py"),
        (
            {"num/_version.py": _WITHOUT, "num/_version_meson.py": '__version__="2.2.2"\n'},
            "2.2.2",
            "num/_version_meson.py",
        ),
        ({"num/__init__.py": '"""Text."""\n__version__: str = "v1.0"\n'}, "1.0", "num/__init__.py"),
    ],
    ids=["scipy", "setuptools-scm", "versioneer", "versioneer with Meson", "by hand"],
)
def test_what_build_tools_write(tmp_path: Path, files: Mapping[str, str], version: str, where: str) -> None:
    write_tree(tmp_path, files)
    assert stated_version(str(tmp_path), version_files(files, ["num"])) == Stated(version, where)


@pytest.mark.parametrize(
    "text", [_WITHOUT, '__version__ = f"{major}.0"\n', '    __version__ = "1.0"\n', '# version = "1"']
)
def test_what_states_nothing(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path, {"num/__init__.py": text})
    assert stated_version(str(tmp_path), ["num/__init__.py"]) is None
