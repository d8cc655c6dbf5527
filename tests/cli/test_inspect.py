"""The inventory: everything pip inspect says, and what only the files tell."""

from __future__ import annotations

import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envaudit.cli import main
from envaudit.cli.inventory_data import SCHEMA_VERSION
from envaudit.cli.inventory_text import size
from tests.locate.image import SITE, make_image
from tests.support.environments import build_environment, python_of, run_uv
from tests.support.trees import Dist, Link, make_distribution, make_venv, site_packages, write_tree

REQUIRES = ["Lib_One>=1", "dead; python_version < '3'", "extra-only; extra == 'x'", "?", "odd; os_name ~= 'x'"]
SCHEMA = json.loads(resources.files("envaudit.report").joinpath("inspect.schema.json").read_text(encoding="utf-8"))


def inspect(target: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the document, which always fits its schema."""
    assert main(["inspect", str(target), "--format", "json", *arguments]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def by_key(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["key"]: item for item in document["installed"]}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with a distribution of each origin."""
    editable = {"url": f"file://{tmp_path}/src", "dir_info": {"editable": True}}
    vcs = {"url": "https://user:secret@host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    archive = {"url": "file:///tmp/a-1.whl", "archive_info": {"hash": "sha256=00"}}
    headers = ["Keywords: one, two", "Summary: café", "License-File: LICENSE", "Project-URL: Home, https://x"]
    dists = [
        Dist("app", "1.0", requires=REQUIRES),
        Dist("lib-one", "2.0", headers=headers, requested=True, files={"lib_one/a.py": "x" * 1000}),
        Dist("edit", "1", direct_url=editable, files={"edit.pth": ""}),
        Dist("from-git", "1", direct_url=vcs),
        Dist("from-file", "1", direct_url=archive),
        Dist("from-folder", "1", direct_url={"url": "file:///src", "dir_info": {}}),
        Dist("by-conda", "1", installer="conda"),
        Dist("unsigned", "1", installer="", record=None, files={"unsigned/__init__.py": "12345", "unsigned/d/e": "6"}),
    ]
    return make_venv(tmp_path, distributions=dists)


def test_the_document(venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = inspect(venv, capsys)
    assert (document["version"], document["schema_version"], document["pip_version"]) == ("1", SCHEMA_VERSION, None)
    assert document["environment"]["python_full_version"] == "3.11.7"
    items = by_key(document)
    assert {key: item["origin"] for key, item in items.items()} == {
        "app": "index",
        "by-conda": "conda",
        "edit": "editable",
        "from-file": "archive",
        "from-folder": "local",
        "from-git": "vcs",
        "lib-one": "index",
        "unsigned": "unknown",
    }
    assert (items["app"]["requires"], items["lib-one"]["required_by"]) == (["lib-one"], ["app"])
    assert items["from-git"]["direct_url"] == {
        "url": "https://host/x.git",
        "vcs_info": {"vcs": "git", "commit_id": "abc"},
    }
    one = items["lib-one"]
    assert (one["requested"], items["app"]["requested"], one["installer"]) == (True, False, "pip")
    assert one["metadata"]["keywords"] == ["one", "two"]
    assert one["metadata"]["summary"] == "café"
    assert one["metadata"]["license_file"] == ["LICENSE"]
    assert one["metadata"]["project_url"] == ["Home, https://x"]
    assert one["metadata"]["description"].startswith("A description.")
    assert one["wheel"] == {"tags": ["py3-none-any"], "generator": "trees"}


def test_sizes(venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = site_packages(venv)
    items = by_key(inspect(venv, capsys))
    one = items["lib-one"]
    record = site / "lib_one-2.0.dist-info"
    assert one["size"] == 1000 + sum(path.stat().st_size for path in record.iterdir())
    assert (one["files"], one["missing_files"], one["counted_by_record"]) == (6, 0, True)
    unsigned = items["unsigned"]
    assert (unsigned["files"], unsigned["size"], unsigned["counted_by_record"]) == (2, 6, False)
    (site / "lib_one/a.py").unlink()
    assert by_key(inspect(venv, capsys))["lib-one"]["missing_files"] == 1


def test_a_record_that_leaves_the_environment_is_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tree(tmp_path, {"outside.txt": "x" * 5000})
    lines = f"../../../../outside.txt,,\n{tmp_path}/outside.txt,,\n\0a,,\nmean-1.dist-info/RECORD,,\n"
    venv = make_venv(tmp_path, distributions=[Dist("mean", "1", record=lines)])
    item = by_key(inspect(venv, capsys))["mean"]
    assert (item["files"], item["size"]) == (1, len(lines))


def test_the_table(venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(venv)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{venv}: CPython 3.11.7, linux-x86_64")
    assert lines[1].startswith("8 distributions, ")
    (row,) = [line for line in lines if line.startswith("lib-one*")]
    version, number, unit, files, *rest = row.split()[1:]
    assert (version, unit, rest) == ("2.0", "kB", ["index", "app"])
    assert (number, files) == ("2", "6")
    assert "* asked for by name; the others came with them" in lines
    assert "from-git 1: from https://host/x.git" in lines


def test_the_largest_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dists = [Dist(name, "1", files={f"{name}.py": "x" * count}) for name, count in (("a", 1), ("b", 9999), ("c", 99))]
    document = inspect(make_venv(tmp_path, distributions=dists), capsys, "--sort", "size")
    assert [item["key"] for item in document["installed"]] == ["b", "c", "a"]


def test_twins_and_an_empty_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    venv = make_venv(tmp_path)
    assert inspect(venv, capsys)["installed"] == []
    assert main(["inspect", str(venv)]) == 0
    assert "0 distributions" in capsys.readouterr().out
    make_distribution(site_packages(venv), "pkg", "1.0")
    make_distribution(site_packages(venv), Dist("pkg", "2.0", metadata=None))
    assert sorted(item["hidden_by"] is None for item in inspect(venv, capsys)["installed"]) == [False, True]
    assert main(["inspect", str(venv)]) == 0
    assert ": hidden behind " in capsys.readouterr().out


def test_an_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = make_image(tmp_path / "img")
    make_distribution(image / SITE, Dist("pkg", "1.0", files={"pkg/__init__.py": "x = 1\n"}))
    write_tree(tmp_path, {"secret.txt": "x" * 5000})
    write_tree(image / SITE, {"pkg-1.0.dist-info/direct_url.json": Link(str(tmp_path / "secret.txt"))})
    document = inspect(Path("/opt/venv"), capsys, "--root", str(image))
    item = by_key(document)["pkg"]
    assert (item["origin"], item["missing_files"], document["target"]["root"]) == ("index", 0, str(image))
    assert item["size"] < 5000


def test_a_file_and_wrong_words(venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(venv), "-o", str(tmp_path / "out.txt")]) == 0
    assert "lib-one" in (tmp_path / "out.txt").read_text(encoding="utf-8")
    for words in (["--format", "xml"], ["--sort", "age"], ["-o", str(tmp_path)]):
        assert main(["inspect", str(venv), *words]) == 2
        assert "choose" in (said := capsys.readouterr().err) or "folder" in said


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (69_900_000, "69.9 MB"), (4.5e12, "4500 GB")]
)
def test_sizes_in_words(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.network
def test_everything_that_pip_inspect_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["pandas==2.0.3", "numpy==1.26.4", "rich"], seed=True)
    source = write_tree(
        tmp_path / "src", {"pyproject.toml": '[project]\nname = "mine"\nversion = "1"\n', "mine.py": ""}
    )
    run_uv("pip", "install", "--quiet", "--python", python_of(folder), "--editable", str(source))
    command = [python_of(folder), "-m", "pip", "--disable-pip-version-check", "inspect"]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ours = inspect(folder, capsys)
    assert (ours["version"], ours["pip_version"]) == (theirs["version"], theirs["pip_version"])
    assert {key: value for key, value in theirs["environment"].items() if key in ours["environment"]}
    mine = {item["metadata_location"]: item for item in ours["installed"]}
    assert len(mine) == len(theirs["installed"])
    for item in theirs["installed"]:
        other = mine[item["metadata_location"]]
        for key, value in item.items():
            if key == "metadata":
                assert value.items() <= other[key].items(), item["metadata_location"]
            else:
                assert other[key] == value
    pandas, numpy = by_key(ours)["pandas"], by_key(ours)["numpy"]
    assert (pandas["facts"]["numpy"]["built_for"], numpy["required_by"]) == ("1.x", ["pandas"])
    assert len(pandas["binaries"]) > 30
    counted = sum(
        1 for path in (site_packages(folder) / "pandas").rglob("*") if path.is_file() and path.suffix != ".pyc"
    )
    assert counted <= pandas["files"] <= counted + 20
