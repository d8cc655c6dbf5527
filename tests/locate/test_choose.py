"""Which environment is meant when the user names none, or names it in an odd way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.errors import TargetError
from envaudit.locate import TargetRequest, locate
from tests.support.trees import Link, make_python, make_venv, write_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_the_order_is_argument_python_variables_folder(tmp_path: Path) -> None:
    for name in ("argument", "python", "virtual", "work/.venv"):
        make_venv(tmp_path, name=name)
    conda = make_python(tmp_path / "conda").parent.parent
    write_tree(conda, {"conda-meta/python-3.11.7-h_0_cpython.json": "{}"})
    work = write_tree(tmp_path / "work", {"deep/er": {}}) / "deep" / "er"
    environ = {"VIRTUAL_ENV": str(tmp_path / "virtual"), "CONDA_PREFIX": str(conda)}
    request = TargetRequest(str(tmp_path / "argument"), str(tmp_path / "python" / "bin" / "python"))

    def found(request: TargetRequest) -> tuple[str, str]:
        target = locate(request, environ, str(work))
        return target.prefix, target.chosen_by

    assert found(request) == (str(tmp_path / "argument"), "argument")
    assert found(request._replace(target=None)) == (str(tmp_path / "python"), "--python")
    assert found(TargetRequest()) == (str(tmp_path / "virtual"), "VIRTUAL_ENV")
    del environ["VIRTUAL_ENV"]
    assert found(TargetRequest()) == (str(conda), "CONDA_PREFIX")
    environ["CONDA_PREFIX"] = ""
    assert found(TargetRequest()) == (str(tmp_path / "work" / ".venv"), f".venv found in {tmp_path / 'work'}")


def test_nothing_to_audit_says_what_could_be_done(tmp_path: Path) -> None:
    write_tree(tmp_path, {".venv": {}})  # a folder of this name without pyvenv.cfg is none
    with pytest.raises(TargetError, match="give its path, activate it, use --python"):
        locate(TargetRequest(), {}, str(tmp_path))


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_a_variable_that_leads_nowhere_is_not_passed_over(tmp_path: Path, variable: str) -> None:
    make_venv(tmp_path, name=".venv")
    with pytest.raises(TargetError, match=f"{variable} is set to /no/such, which does not exist"):
        locate(TargetRequest(), {variable: "/no/such"}, str(tmp_path))


@pytest.mark.parametrize("form", ["my env é", "./my env é", "my env é/", "../here/my env é", "link", "link/"])
def test_a_path_may_be_relative_have_a_slash_be_a_link_or_hold_blanks(tmp_path: Path, form: str) -> None:
    work = tmp_path / "here"
    make_venv(work, name="my env é")
    write_tree(work, {"link": Link("my env é")})
    target = locate(TargetRequest(form), {}, str(work))
    assert target.kind == "venv"
    assert target.prefix == str(work / ("link" if "link" in form else "my env é"))


@pytest.mark.parametrize("python", ["3.11", "3.11.7", "python3.11"])
def test_a_version_is_looked_up_on_the_path(tmp_path: Path, python: str) -> None:
    program = make_python(tmp_path / "base")
    target = locate(TargetRequest(None, python), {"PATH": str(program.parent)}, "/")
    assert target.executable == str(program)
    assert target.chosen_by == f"--python {python}, python3.11 on the PATH"


@pytest.mark.parametrize("python", ["3.99", "no-such-python", "/no/such/python"])
def test_a_python_that_is_not_there(tmp_path: Path, python: str) -> None:
    with pytest.raises(TargetError, match="no such file"):
        locate(TargetRequest(None, python), {"PATH": str(tmp_path)}, str(tmp_path))


def test_a_nul_in_the_path_is_an_error_of_ours() -> None:
    with pytest.raises(TargetError, match="NUL"):
        locate(TargetRequest("a\0b"), {}, "/")
