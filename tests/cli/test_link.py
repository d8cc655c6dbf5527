"""``envaudit link``: what it prints of a real environment with compiled modules, in every format."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.cli import main
from envaudit.cli.link_data import as_dot, as_json
from envaudit.cli.link_text import text
from envaudit.model import Facts, Gap, LinkedFile, Resolved
from tests.binary.forge_named import pe
from tests.linker.lab import Lab, needs_gcc
from tests.support.facts import SITE, make_dist, make_target
from tests.support.trees import make_distribution

if TYPE_CHECKING:
    from pathlib import Path

FOO = "int foo(void) { return 1; }"
USE = "int foo(void); int use(void) { return foo(); }"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return an environment with p (two modules, one library), q (uses p's library) and r (misses one)."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    (site,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    lab = Lab(tmp_path / "build")
    lab.build("p.libs/libfoo.so", FOO, "-Wl,-soname,libfoo.so")
    rpath = ("-Lp.libs", "-lfoo", "-Wl,-rpath,$ORIGIN/../p.libs")
    files = {
        "p": [lab.module("p/one.so", USE, *rpath), lab.module("p/two.so", USE, *rpath), lab.site / "p.libs/libfoo.so"],
        "q": [lab.module("q/mod.so", USE, "-Lp.libs", "-lfoo")],
    }
    lab.build("gone/libgone.so", FOO, "-Wl,-soname,libgone.so")
    files["r"] = [lab.module("r/mod.so", USE, "-Lgone", "-lgone")]
    for name, paths in files.items():
        contents = {path.relative_to(lab.site).as_posix(): path.read_bytes() for path in paths}
        make_distribution(site, name, "1.0", files=contents, tags=("cp311-abi3-linux_x86_64",))
    return tmp_path / "env"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["link", *arguments]) == 0
    return capsys.readouterr().out


@needs_gcc
def test_the_overview_has_a_paragraph_for_each_distribution(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paragraphs = run(capsys, str(environment)).split("\n\n")
    assert [paragraph.splitlines()[0] for paragraph in paragraphs] == [
        "p 1.0: 2 modules, 1 library",
        "q 1.0: 1 module",
        "r 1.0: 1 module",
    ]
    assert "    its own: libfoo.so" in paragraphs[0].splitlines()
    assert "    of p 1.0: libfoo.so" in paragraphs[1].splitlines()
    assert "    not found: libgone.so" in paragraphs[2].splitlines()


@needs_gcc
def test_the_tree_of_one_distribution(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, str(environment), "P").splitlines()
    assert lines[:3] == [
        "p 1.0: 2 modules, 1 library",
        "    p/one.so and 1 more",
        "        libfoo.so => site-packages/p.libs (runpath)",
    ]
    assert "r/mod.so" in run(capsys, str(environment), "r")
    assert "        libgone.so => not found" in run(capsys, str(environment), "r").splitlines()


@needs_gcc
def test_one_word_that_is_no_folder_is_a_distribution(
    environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    assert run(capsys, "q").startswith("q 1.0: 1 module\n")


@needs_gcc
def test_json_is_what_the_help_says(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(run(capsys, str(environment), "-f", "json"))
    assert list(document) == ["schema_version", "target", "root", "gaps", "files"]
    files = {file["path"].rsplit("site-packages/", 1)[1]: file for file in document["files"]}
    assert sorted(files) == ["p.libs/libfoo.so", "p/one.so", "p/two.so", "q/mod.so", "r/mod.so"]
    (need,) = (need for need in files["q/mod.so"]["needs"] if need["name"] == "libfoo.so")
    assert (need["how"], need["distribution"]) == ("loaded", "p")
    assert files["r/mod.so"]["missing"] == [{"name": "libgone.so", "asked_by": files["r/mod.so"]["path"]}]
    assert files["p/one.so"]["is_module"] is True
    main(["link", "--help"])
    described = capsys.readouterr().out
    assert all(f'"{key}"' in described for key in (*document, *files["q/mod.so"], *need, "asked_by"))
    assert document["schema_version"] == 1


# A quoted name, then nothing, attributes, or an arrow to another name.
_NAME = r'"(?:[^"\\\n]|\\.)*"'
_STATEMENT = re.compile(rf"  ({_NAME})(?: -> ({_NAME}))?(?: \[[\w=, ]+\])?;")


def parse_dot(dot: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Read what Graphviz would read of our graphs; anything else is an error."""
    lines = dot.splitlines()
    assert (lines[0], lines[-1]) == ("digraph links {", "}")
    nodes, edges = set(), set()
    for line in lines[1:-1]:
        if line in {"  rankdir=LR;", "  node [shape=box];"}:
            continue
        match = _STATEMENT.fullmatch(line)
        assert match, line
        names = [re.sub(r"\\(.)", r"\1", name[1:-1]) for name in match.groups() if name]
        if len(names) == 2:
            edges.add((names[0], names[1]))
        else:
            nodes.add(names[0])
    assert {name for edge in edges for name in edge} <= nodes
    return nodes, edges


@needs_gcc
def test_dot_is_a_graph_of_distributions_or_of_files(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, edges = parse_dot(run(capsys, str(environment), "--format", "dot"))
    assert {("q 1.0", "p 1.0"), ("r 1.0", "libgone.so")} <= edges
    assert not any(source == destination for source, destination in edges)
    _, edges = parse_dot(run(capsys, str(environment), "p", "--format", "dot"))
    assert {("p/one.so", "p.libs/libfoo.so"), ("p/two.so", "p.libs/libfoo.so")} <= edges


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "svg"], "--format svg: choose text, json or dot"),
        (["--root", "nowhere"], "--root nowhere: there is no such folder"),
        (["nowhere/env"], "nowhere/env"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", *arguments]) == 2
    assert complaint in capsys.readouterr().err


@needs_gcc
def test_an_unknown_distribution_is_answered_with_a_near_one(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["link", str(environment), "pp"]) == 2
    error = capsys.readouterr().err
    assert "pp is neither a folder nor a distribution of" in error
    assert "did you mean p?" in error


# --- other systems ---------------------------------------------------------------------------------------------------


def test_libraries_of_another_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "env/Lib/site-packages"
    site.mkdir(parents=True)
    (tmp_path / "env/pyvenv.cfg").write_text("home = C:\\Python311\nversion = 3.11.7\n")
    sets = tuple((f"api-ms-win-crt-{part}-l1-1-0.dll", ("f",)) for part in ("heap", "math"))
    module = pe(("python311.dll", ("f",)), ("MSVCP140.dll", ("f",)), ("x.dll", ("f",)), ("gone.dll", ("f",)), *sets)
    files = {"x/_core.cp311-win_amd64.pyd": module, "x.libs/x.dll": pe(("KERNEL32.dll", ("f",)), exports=("f",))}
    make_distribution(site, "x", "1.0", files=files, tags=("cp311-cp311-win_amd64",))
    shown = run(capsys, str(tmp_path / "env"))
    assert "    cannot be seen from here: MSVCP140.dll\n" in shown
    assert "    system: KERNEL32.dll, python311.dll, 2 API sets of Windows\n" in shown
    assert "    not found: gone.dll\n" in shown
    shown = run(capsys, str(tmp_path / "env"), "x")
    assert "        x.dll => site-packages/x.libs (loaded)\n" in shown
    assert "        MSVCP140.dll => cannot be seen from here: the Microsoft Visual C++ runtime\n" in shown
    document = json.loads(run(capsys, str(tmp_path / "env"), "-f", "json"))
    (file,) = [each for each in document["files"] if each["is_module"]]
    assert file["unseen"] == [{"name": "MSVCP140.dll", "place": "the Microsoft Visual C++ runtime"}]


# --- hostile names ---------------------------------------------------------------------------------------------------


def _facts(**fields: Any) -> Facts:
    dist = make_dist('ev"il\\', "1\x1b[31m")
    need = Resolved("lib\n};evil.so", SITE + "/evil.libs/lib\n};evil.so", "runpath", dist.info_path)
    file = LinkedFile("a\u202e.so", SITE, dist.info_path, (need,), (("li\tb", f"{SITE}/a\u202e.so"),), **fields)
    return Facts(make_target(), (dist,), links=(file,), gaps=(Gap("LNK", "a\nb", "c\x07"), Gap("ABI", "other", "x")))


@pytest.mark.parametrize("owner", ["", _facts().distributions[0].info_path])
def test_names_of_the_target_cannot_break_out(owner: str) -> None:
    facts = _facts(missing_versions=(("l\n", "V\n"),), undefined=("_Z\n",), undefined_python=("Py\n",))
    shown = text(facts, owner)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert shown.splitlines()[-1] == r"not checked: a\nb: c\x07"
    nodes, edges = parse_dot(as_dot(facts, owner))
    assert len(edges) == (2 if owner else 1)
    assert any("evil" in name or 'ev"il' in name for name in nodes)
    document = json.loads(as_json(facts, owner, ""))
    assert document["files"][0]["needs"][0]["name"] == "lib\n};evil.so"
    assert [gap["code"] for gap in document["gaps"]] == ["LNK"]


def test_nothing_compiled_is_said_so() -> None:
    assert text(Facts(make_target())) == "no compiled files that this Python loads\n"
