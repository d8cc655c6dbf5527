"""The kernels of folders made by hand: found in Jupyter's order, and each led to its environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.jup import check_kernels
from envaudit.kernels import places, read_kernels
from envaudit.locate import TargetRequest, locate
from envaudit.model import Facts, Kernel, Severity, replace
from envaudit.scan import scan_target
from tests.support.facts import make_facts
from tests.support.trees import Dist, Fifo, Link, elf_program, make_venv, write_tree

if TYPE_CHECKING:
    from pathlib import Path

GOOD = (Dist("ipykernel", "7.4.0"), Dist("jupyter-client", "8.6.3"), Dist("traitlets", "5.14.3"))


def spec(program: str, display: str = "Python 3 (ipykernel)", **more: Any) -> str:
    argv = [program, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return json.dumps({"argv": argv, "display_name": display, "language": "python", **more})


def kernels(venv: Path, *, everyone: bool = True, **environ: str) -> Facts:
    """Return facts with the kernels that the Jupyter of an environment offers."""
    target = locate(TargetRequest(str(venv)), {}, "/")
    found = scan_target(target, compare=False).distributions
    read = tuple(each for each in read_kernels(target, found, environ, everyone=everyone) if each.origin != "system")
    return Facts(target, found, kernels=read)


def judged(facts: Facts) -> list[tuple[str, str]]:
    return [(each.code, each.severity.value) for each in check_kernels(facts)]


def env(tmp_path: Path, *dists: Dist, name: str = "venv", **tree: str) -> Path:
    program = elf_program()
    venv = make_venv(tmp_path, distributions=dists or GOOD, name=name, program=program)
    (tmp_path / "base/bin/python3.11").chmod(0o755)
    write_tree(venv / "share/jupyter/kernels", {f"{each}/kernel.json": text for each, text in tree.items()})
    return venv


def test_a_sound_environment(tmp_path: Path) -> None:
    venv = env(tmp_path, python3=spec("python"))
    facts = kernels(venv)
    (kernel,) = facts.kernels
    assert (kernel.origin, kernel.prefix, kernel.python) == ("environment", str(venv), "3.11.7")
    assert dict(kernel.installed or ())["ipykernel"] == "7.4.0"
    assert judged(facts) == []


def test_kernels_of_other_languages_are_left_alone(tmp_path: Path) -> None:
    venv = env(tmp_path, ir=json.dumps({"argv": ["R", "--args", "{connection_file}"], "display_name": "R"}))
    assert judged(kernels(venv)) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "cannot be read"),
        ("[]", "no JSON object"),
        (json.dumps({"argv": []}), "no argv"),
        (json.dumps({"argv": [1, "{connection_file}"]}), "no argv"),
        (json.dumps({"argv": ["python", "-m", "ipykernel_launcher"]}), "{connection_file}"),
        ("[" * 100000, "cannot be read"),
    ],
)
def test_damaged_files(tmp_path: Path, text: str, word: str) -> None:
    facts = kernels(env(tmp_path, bad=text))
    (finding,) = check_kernels(facts)
    assert (finding.code, finding.severity) == ("JUP005", Severity.ERROR)
    assert word in finding.message


def test_a_pipe_is_no_kernel_to_wait_for(tmp_path: Path) -> None:
    venv = env(tmp_path)
    write_tree(venv / "share/jupyter/kernels/pipe", {"kernel.json": Fifo()})
    assert judged(kernels(venv)) == [("JUP005", "error")]


def test_programs_that_are_gone(tmp_path: Path) -> None:
    venv = env(tmp_path, gone=spec("/nowhere/bin/python"), link=spec(f"{tmp_path}/link"))
    write_tree(tmp_path, {"link": Link("nowhere")})
    write_tree(venv / "share/jupyter/kernels", {"text/kernel.json": spec(f"{venv}/pyvenv.cfg")})
    findings = list(check_kernels(kernels(venv)))
    assert [each.code for each in findings] == ["JUP001"] * 3
    assert [each.message.rpartition(", which ")[2] for each in findings] == [
        "is not there",
        "is a link that leads nowhere",
        "may not be executed",
    ]


def test_no_ipykernel(tmp_path: Path) -> None:
    other = env(tmp_path, Dist("pip", "26.0"), name="other")
    venv = env(tmp_path, mine=spec(f"{other}/bin/python"))
    (finding,) = check_kernels(kernels(venv))
    assert finding.code == "JUP002"
    assert finding.fix[0].command == f"uv pip install --python {other}/bin/python ipykernel"


def test_another_environment_than_it_says(tmp_path: Path) -> None:
    other = env(tmp_path, name="other")
    venv = env(tmp_path, python3=spec(f"{other}/bin/python"), named=spec("python", "Python 3.9"))
    assert judged(kernels(venv)) == [("JUP003", "warning")] * 2
    home = write_tree(tmp_path / "home", {".local/share/jupyter/kernels/bare/kernel.json": spec("python")})
    named = env(tmp_path, name="third", named=spec("python", "Python 3.11"))
    assert judged(kernels(named)) == []
    assert judged(kernels(named, HOME=str(home))) == [("JUP003", "note")]


@pytest.mark.parametrize(
    ("dists", "python", "expected"),
    [
        ([Dist("ipykernel", "6.27.0")], "3.11.7", [("JUP004", "warning")]),
        ([Dist("ipykernel", "6.29.5"), Dist("jupyter-client", "8.5.0")], "3.11.7", [("JUP004", "warning")]),
        ([Dist("ipykernel", "5.5.6")], "3.12.1", [("JUP004", "error")]),
        ([Dist("ipykernel", "5.5.6")], "3.11.7", []),
        ([Dist("ipykernel", "6.29.5")], "3.12.1", []),
        ([Dist("ipykernel", "4.10.1")], "3.8.18", [("JUP004", "error")]),
        ([Dist("ipykernel", "4.10.1"), Dist("ipython-genutils", "0.2.0")], "3.8.18", []),
        (
            [Dist("ipykernel", "6.29.5"), Dist("ipython", "8.22.0"), Dist("traitlets", "5.9.0")],
            "3.11.7",
            [("JUP004", "error")],
        ),
        ([Dist("ipykernel", "6.29.5"), Dist("ipython", "8.22.0"), Dist("traitlets", "5.13.0")], "3.11.7", []),
    ],
)
def test_known_bad(tmp_path: Path, dists: list[Dist], python: str, expected: list[tuple[str, str]]) -> None:
    venv = make_venv(tmp_path, distributions=dists, version=python)
    write_tree(venv / "share/jupyter/kernels", {"python3/kernel.json": spec("python")})
    assert judged(kernels(venv)) == expected


def test_a_kernel_that_another_hides(tmp_path: Path) -> None:
    other = env(tmp_path, name="other")
    venv = env(tmp_path, python3=spec("python"))
    path = write_tree(tmp_path / "path", {"kernels/Python3/kernel.json": spec(f"{other}/bin/python")})
    facts = kernels(venv, everyone=False, JUPYTER_PATH=str(path))
    assert [each.hidden_by for each in facts.kernels] == [f"{path}/kernels/Python3"]
    assert judged(facts) == [("JUP006", "warning")]
    same = write_tree(tmp_path / "same", {"kernels/python3/kernel.json": spec("python", "x")})
    assert ("JUP006", "warning") not in judged(kernels(venv, JUPYTER_PATH=str(same)))


def test_variables(tmp_path: Path) -> None:
    text = spec("python", env={"PYTHONHOME": "/usr", "PYTHONPATH": "/x", "MPLBACKEND": "agg", "LD_PRELOAD": 1})
    assert judged(kernels(env(tmp_path, python3=text))) == [("JUP007", "warning"), ("JUP007", "note")]


def test_a_start_that_failed() -> None:
    kernel = Kernel(
        "py",
        "/k/py",
        "user",
        argv=("/x/python", "ipykernel_launcher"),
        interpreter="/x/python",
        start="first\nlast words",
    )
    (finding,) = check_kernels(replace(make_facts(), kernels=(kernel,)))
    assert (finding.code, finding.message) == ("JUP008", "the kernel py of the user does not start: last words")
    assert list(check_kernels(replace(make_facts(), kernels=(kernel._replace(start="ok"),)))) == []


def test_the_order_of_folders(tmp_path: Path) -> None:
    target = locate(TargetRequest(str(env(tmp_path))), {}, "/")
    own = f"{target.prefix}/share/jupyter"
    environ = {"HOME": "/h", "JUPYTER_PATH": "/a:/b/:/a"}
    first = [path for path, _ in places(target, environ)]
    assert first[:4] == ["/a", "/b", own, "/h/.local/share/jupyter"]
    assert first[4:] == ["/usr/local/share/jupyter", "/usr/share/jupyter", "/h/.ipython"]
    later = [path for path, _ in places(target, {**environ, "JUPYTER_PREFER_ENV_PATH": "0", "JUPYTER_DATA_DIR": "/d"})]
    assert later[2:4] == ["/d", own]
