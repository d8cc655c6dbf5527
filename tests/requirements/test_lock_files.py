"""Lock files and project files: small literal ones, each package with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import RequirementError
from envaudit.requirements import read_requirements
from tests.requirements import locks

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model_stated import StatedFile


def read(folder: Path, name: str, text: str) -> StatedFile:
    (folder / name).write_text(text)
    return read_requirements(str(folder / name), {})


@pytest.mark.parametrize("name", locks.NAMES)
def test_every_lock_file_gives_version_line_and_hash(tmp_path: Path, name: str) -> None:
    text = locks.lock(name, {"numpy": "2.2.6", "pandas": "2.2.3"})
    file = read(tmp_path, name, text)
    assert file.complete
    lines = text.splitlines()
    for each, version in zip(file.stated, ("2.2.6", "2.2.3"), strict=True):
        assert (each.version, each.path) == (version, str(tmp_path / name))
        assert each.line is not None
        assert version in lines[each.line - 1]
        assert any(line.strip().startswith(("version", '"version"')) for line in [lines[each.line - 1]])
        assert each.hashes[0].startswith("sha256:")
    if name != "Pipfile.lock":  # which names no files
        assert file.stated[1].files == ("pandas-2.2.3-cp311-cp311-manylinux_2_17_x86_64.whl",)


def test_uv_lock_forks_extras_and_groups(tmp_path: Path) -> None:
    text = """\
version = 1
requires-python = ">=3.10"

[[package]]
name = "me"
version = "0.1"
source = { virtual = "." }
dependencies = [
    { name = "scipy", version = "1.15.3", source = { registry = "https://x/simple" }, marker = "python_version < '3.11'" },
    { name = "scipy", version = "1.16.0", source = { registry = "https://x/simple" }, marker = "python_version >= '3.11'" },
    { name = "spam", extra = ["a"] },
]

[package.optional-dependencies]
plot = [{ name = "matplotlib" }]

[package.dev-dependencies]
dev = [{ name = "pytest", marker = "sys_platform == 'linux'" }]

[[package]]
name = "scipy"
version = "1.15.3"
source = { registry = "https://x/simple" }
resolution-markers = ["python_full_version < '3.11'"]
wheels = [{ url = "https://x/scipy-1.15.3-cp310-cp310-linux_x86_64.whl", hash = "sha256:00", size = 1, upload-time = "2025-05-08T16:04:00Z" }]

[[package]]
name = "spam"
version = "1.0"
source = { git = "https://user:pw@example.org/spam?rev=1#abc" }

[package.optional-dependencies]
a = [{ name = "six" }]
"""  # noqa: E501
    file = read(tmp_path, "uv.lock", text)
    assert [each.name for each in file.stated] == ["scipy", "spam"]
    scipy, spam = file.stated
    assert (scipy.marker, scipy.uploaded) == ("(python_full_version < '3.11')", "2025-05-08T16:04:00Z")
    assert spam.requires == ("six ; extra == 'a'",)
    assert spam.url == "https://example.org/spam"
    assert file.roots == (
        "scipy ; (python_version < '3.11')", "scipy ; (python_version >= '3.11')", "spam[a]", "matplotlib",
        "pytest ; (sys_platform == 'linux')",
    )  # fmt: skip
    assert file.requires_python == ">=3.10"


def test_poetry_markers_groups_and_dependencies(tmp_path: Path) -> None:
    text = """\
[[package]]
name = "pandas"
version = "2.2.3"
optional = false
python-versions = ">=3.9"
groups = ["dev", "docs"]
markers = {dev = "python_version < \\"3.12\\"", docs = "sys_platform == \\"linux\\""}
files = [{file = "pandas-2.2.3.tar.gz", hash = "sha256:00"}]

[package.dependencies]
numpy = [
    {version = ">=1.22.4", markers = "python_version < \\"3.11\\""},
    {version = ">=1.26.0", markers = "python_version >= \\"3.12\\""},
]
pytz = ">=2020.1"
six = "*"
lxml = {version = ">=4.9.2", optional = true}
odd = "^1.2"

[metadata]
lock-version = "2.1"
python-versions = ">=3.9,<3.13"
"""
    file = read(tmp_path, "poetry.lock", text)
    (pandas,) = file.stated
    assert (pandas.group, pandas.requires_python) == ("dev", ">=3.9")
    assert pandas.marker == '(python_version < "3.12") or (sys_platform == "linux")'
    assert pandas.requires == (
        'numpy>=1.22.4 ; python_version < "3.11"', 'numpy>=1.26.0 ; python_version >= "3.12"', "pytz>=2020.1", "six",
    )  # fmt: skip


def test_pyproject_with_extras_and_groups(tmp_path: Path) -> None:
    text = """\
[project]
name = "me"
version = "1"
requires-python = ">=3.10"
dependencies = ["numpy>=1.22", "pandas==2.0.3"]

[project.optional-dependencies]
plot = ["matplotlib>=3"]
all = ["me[plot]"]

[dependency-groups]
test = ["pytest>=8"]
dev = [{ include-group = "test" }, "numpy>=1.22"]
"""
    file = read(tmp_path, "pyproject.toml", text)
    assert [(each.name, each.group, each.line) for each in file.stated] == [
        ("numpy", "", 5), ("pandas", "", 5), ("matplotlib", "plot", 8), ("pytest", "test", 12), ("pytest", "dev", 12),
        ("numpy", "dev", 13),
    ]  # fmt: skip
    assert file.requires_python == ">=3.10"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n', "includes itself"),
        ('[dependency-groups]\na = [{include-group = "c"}]\n', "there is no dependency group 'c'"),
        ('[project]\ndependencies = "numpy"\n', "is no list"),
        ('[project]\nname = "x"\ndependencies = ["numpy>>1"]\n', "pyproject.toml:3: project.dependencies: not a requ"),
        ("[project\n", "pyproject.toml:1: not valid TOML"),
        ("[project]\ndependencies = [1]\n", "'1' is no requirement"),
    ],
)
def test_a_project_that_cannot_be_read(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RequirementError) as caught:
        read(tmp_path, "pyproject.toml", text)
    assert reason in str(caught.value)


def test_what_a_project_leaves_to_its_build_is_not_judged(tmp_path: Path) -> None:
    file = read(tmp_path, "pyproject.toml", '[project]\nname = "x"\ndynamic = ["dependencies", "version"]\n')
    assert [(each.what, each.line) for each in file.not_read] == [("project.dependencies", 3)]


def test_a_script_with_its_requirements(tmp_path: Path) -> None:
    text = '#!/usr/bin/env python\n# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "rich",\n#   "pandas==2.0.3",\n# ]\n# ///\nimport rich\n'  # noqa: E501
    file = read(tmp_path, "run.py", text)
    assert [(each.name, each.line) for each in file.stated] == [("rich", 5), ("pandas", 6)]
    with pytest.raises(RequirementError, match="no block"):
        read(tmp_path, "none.py", "import os\n")
    with pytest.raises(RequirementError, match=r"bad\.py:2: not valid TOML"):
        read(tmp_path, "bad.py", "# /// script\n# dependencies = [\n# ///\n".replace("[\n# ///", "]]\n# ///"))


def test_environment_of_conda(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("six==1.16.0\n")
    text = "name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - numpy=1.26  # c\n  - pip\n  - pip:\n    - pandas==2.0.3\n    - -r more.txt\nprefix: /x\n"  # noqa: E501
    file = read(tmp_path, "environment.yml", text)
    assert [(each.name, each.version, each.line) for each in file.stated] == [
        ("pandas", "2.0.3", 9), ("six", "1.16.0", 1),
    ]  # fmt: skip
    assert [(each.what, each.line) for each in file.not_read] == [("python=3.11, numpy=1.26, pip", 5)]
    with pytest.raises(RequirementError, match="only the block form"):
        read(tmp_path, "environment.yml", "dependencies: [numpy]\n")


def test_conda_lock(tmp_path: Path) -> None:
    text = """\
version: 1
package:
- name: python
  version: 3.11.7
  manager: conda
  hash:
    sha256: 00
- name: pandas
  version: 2.0.3
  manager: pip
  platform: linux-64
  dependencies:
    numpy: '>=1.21'
  hash:
    sha256: ab
"""
    file = read(tmp_path, "conda-lock.yml", text)
    assert [(each.name, each.version, each.line, each.hashes) for each in file.stated] == [
        ("pandas", "2.0.3", 8, ("sha256:ab",))
    ]
    assert not file.complete
    assert file.not_read[0].what == "python 3.11.7"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("Pipfile.lock", "{\n,}", "Pipfile.lock:2: not valid JSON"),
        ("Pipfile.lock", json.dumps({"default": {}}), "has no _meta"),
        ("Pipfile.lock", "[" * 100_000, "not valid JSON"),
        ("uv.lock", "version = 2\n", "only version 1 is known"),
        ("uv.lock", "version = 1\n[[package]]\nname = 3\n", "is no name of a package"),
        ("pylock.toml", 'lock-version = "2.0"\n', "pylock.toml:1: lock-version 2.0"),
        ("poetry.lock", 'package = "x"\n', "no list of packages"),
        ("pdm.lock", "[[package\n", "pdm.lock:1: not valid TOML"),
    ],
)
def test_a_lock_file_that_cannot_be_read(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(RequirementError) as caught:
        read(tmp_path, name, text)
    assert reason in str(caught.value)


def test_pipfile_lock_sections_and_sources(tmp_path: Path) -> None:
    content = {
        "_meta": {"requires": {"python_version": "3.11"}},
        "default": {"numpy": {"version": "==1.26.4", "markers": "python_version >= '3.9'", "hashes": ["sha256:00"]}},
        "develop": {
            "spam": {"git": "https://me:pw@example.org/spam.git", "ref": "abc"},
            "numpy": {"version": "==1.26.4"},
        },
    }
    file = read(tmp_path, "Pipfile.lock", json.dumps(content, indent=4))
    assert [(each.name, each.group, each.version, each.url) for each in file.stated] == [
        ("numpy", "", "1.26.4", ""), ("spam", "develop", "", "https://example.org/spam.git"),
        ("numpy", "develop", "1.26.4", ""),
    ]  # fmt: skip
    lines = (tmp_path / "Pipfile.lock").read_text().splitlines()
    assert [lines[(each.line or 0) - 1].split(":")[0].strip() for each in file.stated[::2]] == ['"version"'] * 2
    assert file.requires_python == "==3.11.*"
