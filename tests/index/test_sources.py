"""Which indexes are asked: the order of those who may say so, and every file and variable that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.errors import ConfigError
from envaudit.index import find_sources
from envaudit.index.default import default_address

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (f"https://{name}.invalid/simple/" for name in "abc")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".config" / "pip").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "uv").mkdir(parents=True)
    return tmp_path / "home"


def _environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "none"), "PIP_CONFIG_FILE": "", **more}


@pytest.fixture(autouse=True)
def _no_system_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the configuration of the machine the tests run on."""
    import envaudit.index.pip_files as module

    files = module._files
    monkeypatch.setattr(module, "_files", lambda *args: [path for path in files(*args) if path != "/etc/pip.conf"])


def test_where_nobody_says_anything_the_public_index_is_asked(home: Path) -> None:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    found = find_sources(_environ(home), str(home))
    assert found.indexes == (PYPI_SIMPLE_ENDPOINT,) == (default_address(),)
    assert found.chosen_by == "default"


def test_the_order_of_those_who_may_say(home: Path) -> None:
    (home / ".config" / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{A}"\ndefault = true\n')
    environ = _environ(home)
    assert find_sources(environ, str(home)).indexes == (A,)
    (home / ".config" / "pip" / "pip.conf").write_text(f"[global]\nindex-url = {B}\n")
    assert find_sources(environ, str(home)).indexes == (B,)
    environ["PIP_INDEX_URL"] = C
    assert find_sources(environ, str(home)).indexes == (C,)
    environ["UV_INDEX_URL"] = A
    assert find_sources(environ, str(home)).indexes == (A,)
    environ["UV_DEFAULT_INDEX"] = B
    assert find_sources(environ, str(home)).indexes == (B,)
    environ["ENVAUDIT_INDEX_URL"] = C
    assert find_sources(environ, str(home)).indexes == (C,)
    given = find_sources(environ, str(home), indexes=[A, B])
    assert (given.indexes, given.chosen_by) == ((A, B), "command line")


def test_an_index_that_is_only_added_stands_beside_the_default(home: Path) -> None:
    default = default_address()
    assert find_sources(_environ(home, PIP_EXTRA_INDEX_URL=f"{A} {B}"), str(home)).indexes == (default, A, B)
    assert find_sources(_environ(home, UV_INDEX=f"mine={A}"), str(home)).indexes == (A, default)
    assert find_sources(_environ(home, ENVAUDIT_EXTRA_INDEX_URL=A), str(home)).indexes == (default, A)
    (home / "uv.toml").write_text(f'extra-index-url = ["{C}"]\n')
    assert find_sources(_environ(home), str(home)).indexes == (C, default)


def test_pip_files_of_one_project_win_over_those_of_the_user(home: Path, tmp_path: Path) -> None:
    (home / ".config" / "pip" / "pip.conf").write_text(
        f"[global]\nindex_url = {A}\ntrusted-host = One.invalid\n    two.invalid\n"
        f"[install]\nextra-index-url =\n    {B}\n    {C}\n"
    )
    (tmp_path / "venv").mkdir()
    environ = _environ(home, VIRTUAL_ENV=str(tmp_path / "venv"), PIP_CERT="/certs.pem")
    found = find_sources(environ, str(home))
    assert found.indexes == (A, B, C)
    assert found.trusted_hosts == {"one.invalid", "two.invalid"}
    assert found.ca_bundle == "/certs.pem"
    (tmp_path / "venv" / "pip.conf").write_text(f"[install]\nindex-url = {C}\nextra-index-url = file:///wheels\n")
    assert find_sources(environ, str(home)).indexes == (C, "file:///wheels")
    assert find_sources({**environ, "PIP_CONFIG_FILE": "/dev/null"}, str(home)).indexes == (default_address(),)


def test_folders_of_wheels_and_no_index(home: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "my wheels"
    wheels.mkdir()
    found = find_sources(_environ(home), str(tmp_path), find_links=["my wheels"], no_index=True)
    assert (found.indexes, found.find_links) == ((), (wheels.as_uri(),))
    found = find_sources(_environ(home, PIP_FIND_LINKS=str(tmp_path), PIP_NO_INDEX="1"), str(tmp_path))
    assert (found.indexes, found.find_links) == ((), (tmp_path.as_uri(),))
    found = find_sources(_environ(home, PIP_FIND_LINKS=str(tmp_path)), str(tmp_path))
    assert found.indexes == (default_address(),)
    found = find_sources(_environ(home, PIP_NO_INDEX="true"), str(tmp_path))
    assert (found.indexes, found.find_links) == ((), ())


def test_uv_in_pyproject_and_its_explicit_indexes(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text(
        f'[[tool.uv.index]]\nname = "torch"\nurl = "{A}"\nexplicit = true\n[[tool.uv.index]]\nurl = "{B}"\n'
        '[tool.uv]\nfind-links = ["/wheels"]\n'
    )
    found = find_sources(_environ(home), str(folder))
    assert found.indexes == (B, default_address())
    assert found.find_links == ("file:///wheels",)
    assert find_sources(_environ(home, UV_NO_CONFIG="1"), str(folder)).chosen_by == "default"


@pytest.mark.parametrize("address", ["https://", "gopher://a.invalid/", "https://a b.invalid/", "https://[::1/x"])
def test_what_is_no_address_is_refused_without_showing_a_password(address: str, home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_sources(_environ(home), str(home), indexes=[address.replace("://", "://me:s3cret@")])
    assert "s3cret" not in str(caught.value)


def test_files_that_cannot_be_understood_are_an_error_without_their_content(home: Path) -> None:
    path = home / ".config" / "pip" / "pip.conf"
    path.write_text("index-url = https://me:s3cret@a.invalid/\n")
    with pytest.raises(ConfigError, match=r"pip\.conf") as caught:
        find_sources(_environ(home), str(home))
    assert "s3cret" not in str(caught.value)
    path.unlink()
    (home / "uv.toml").write_text('index-url = "https://me:s3cret@a.invalid/\n')
    with pytest.raises(ConfigError, match=r"uv\.toml") as caught:
        find_sources(_environ(home), str(home))
    assert "s3cret" not in str(caught.value)
