"""Requirements files: pip's grammar, with file and line of each requirement."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import RequirementError
from envaudit.requirements import kind_of, read_requirements
from envaudit.requirements.options import split_line

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model_stated import StatedFile

SHA = "a" * 64


def read(folder: Path, text: str | bytes, name: str = "requirements.txt", **variables: str) -> StatedFile:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_requirements(str(folder / name), variables)


def test_each_requirement_knows_its_line(tmp_path: Path) -> None:
    file = read(tmp_path, "# numbers\n\nnumpy==1.26.4  # old\npandas[excel,SQL] >=2 , <3 ; python_version < '3.13'\n")
    numpy, pandas = file.stated
    assert (numpy.name, numpy.version, numpy.specifier, numpy.line) == ("numpy", "1.26.4", "==1.26.4", 3)
    assert (pandas.extras, pandas.version, pandas.line) == (("SQL", "excel"), "", 4)
    assert pandas.marker == 'python_version < "3.13"'
    assert set(pandas.specifier.split(",")) == {">=2", "<3"}
    assert not file.complete


def test_a_requirement_over_several_lines_stands_in_its_first(tmp_path: Path) -> None:
    text = f"six==1.16.0 \\\n    --hash=sha256:{SHA} \\\n    --hash sha256:{'b' * 64}\n    # via x\nidna==3.4 --hash=sha256:{SHA}\n"  # noqa: E501
    file = read(tmp_path, text)
    six, idna = file.stated
    assert (six.line, idna.line) == (1, 5)
    assert six.hashes == (f"sha256:{SHA}", f"sha256:{'b' * 64}")
    assert file.complete  # pip installs nothing but what is listed with a hash


def test_a_comment_ends_with_its_line_even_before_a_backslash(tmp_path: Path) -> None:
    file = read(tmp_path, "six \\\n# and more \\\n==1.16.0\nidna # not this \\\nnumpy\n".replace("\n==1.16.0", ""))
    assert [(each.name, each.line) for each in file.stated] == [("six", 1), ("idna", 3), ("numpy", 4)]


def test_included_files_and_constraints(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.txt").write_text("numpy>=1.22\n-c ../limits.txt\n")
    (tmp_path / "limits.txt").write_text("numpy<2\n")
    file = read(tmp_path, "-r sub/base.txt\n--requirement=more.in\nscipy\n".replace("--requirement=more.in\n", ""))
    assert [(each.name, each.constraint, each.line) for each in file.stated] == [
        ("numpy", False, 1), ("numpy", True, 1), ("scipy", False, 2),
    ]  # fmt: skip
    assert [path.rpartition("/")[2] for path in file.files] == ["requirements.txt", "base.txt", "limits.txt"]


@pytest.mark.parametrize("included", ["requirements.txt", "other.txt"])
def test_files_that_include_each_other_are_refused(tmp_path: Path, included: str) -> None:
    (tmp_path / "other.txt").write_text("-r requirements.txt\n")
    with pytest.raises(RequirementError, match="includes itself"):
        read(tmp_path, f"six\n-r {included}\n")


def test_a_chain_of_files_is_bounded(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n")
    with pytest.raises(RequirementError, match="files deep"):
        read(tmp_path, "-r r0.txt\n")


def test_an_included_file_that_is_not_there_is_told_at_the_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RequirementError, match=r"requirements\.txt:2: .*missing\.txt cannot be read: no such file"):
        read(tmp_path, "six\n-r missing.txt\n")


def test_sources(tmp_path: Path) -> None:
    text = (
        "-e git+https://user:secret@example.org/x.git@v1#egg=spam[a]&subdirectory=y\n"
        "https://user:secret@example.org/eggs-1.2-py3-none-any.whl?token=secret ; python_version > '3'\n"
        "ham @ https://example.org/ham-3.tar.gz\n"
        "./wheels/bacon-2.0+cpu-cp311-cp311-linux_x86_64.whl[fast]\n"
        "pip @ file:///wheels/pip-24.0-py3-none-any.whl\n"
    )
    file = read(tmp_path, text)
    spam, eggs, ham, bacon, pip = file.stated
    assert (spam.name, spam.extras, spam.version) == ("spam", ("a",), "")
    assert (eggs.name, eggs.version, eggs.marker) == ("eggs", "1.2", "python_version > '3'")
    assert (ham.name, ham.url, ham.version) == ("ham", "https://example.org/ham-3.tar.gz", "")
    assert (bacon.name, bacon.version, bacon.extras) == ("bacon", "2.0+cpu", ("fast",))
    assert (pip.version, pip.line) == ("24.0", 5)
    assert "secret" not in repr(file)


@pytest.mark.parametrize("line", ["-e .", ".", "./sub/dir", "../x.tar.gz", "https://example.org/x.zip", "-e ./a[b]"])
def test_a_source_without_a_name_is_not_judged(tmp_path: Path, line: str) -> None:
    file = read(tmp_path, f"six\n{line}\n")
    assert [each.name for each in file.stated] == ["six"]
    assert [(each.line, "does not say which project" in each.why) for each in file.not_read] == [(2, True)]


def test_variables_are_put_in_and_missing_ones_told(tmp_path: Path) -> None:
    file = read(tmp_path, "--index-url https://${NAME}:${TOKEN}@x/\nsix==${SIX}\n", SIX="1.16.0", NAME="me")
    assert file.stated[0].version == "1.16.0"
    assert [(each.what, each.line) for each in file.not_read] == [("${TOKEN}", 1)]


def test_options_are_known_and_steer_the_resolver(tmp_path: Path) -> None:
    file = read(tmp_path, "-i https://x/simple\n--pre\n--find-links wheels\n--no-binary :all:\n--trusted-host x\nsix\n")
    assert file.options == (
        ("--index-url", "https://x/simple"), ("--pre", ""), ("--find-links", str(tmp_path / "wheels")),
        ("--no-binary", ":all:"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("-rother.txt", (("--requirement", "other.txt"),)),
        ("--requirem other.txt", (("--requirement", "other.txt"),)),
        ("six --global-option='a b'", (("--global-option", "a b"),)),
        ("--extra-index-url=https://x?a=b", (("--extra-index-url", "https://x?a=b"),)),
    ],
)
def test_forms_of_options(line: str, options: tuple[tuple[str, str], ...]) -> None:
    assert split_line(line).options == options


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("six\nnumpy==\n", 2, "not a requirement"),
        ("\n\n--nonsense\n", 3, "knows no option '--nonsense'"),
        ("six --hash=sha256\n", 1, "not a hash"),
        ("-r\n", 1, "needs a value"),
        ("six ; python_version ~ 3\n", 1, "not a requirement"),
        ("six\n-e '\n", 2, "No closing quotation"),
        ("six\n<<<<<<< HEAD\nnumpy==1\n", 2, "not a requirement"),
        ("six ; " + "(" * 5000 + "\n", 1, "not a requirement"),
    ],
)
def test_what_cannot_be_read_names_file_line_and_reason(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(RequirementError) as caught:
        read(tmp_path, text)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "requirements.txt"), line)
    assert reason in caught.value.reason
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + b"six\n",
        codecs.BOM_UTF16_LE + "six\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "six\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "six\n".encode("utf-32-le"),
        "# -*- coding: latin-1 -*-\n# Müller\nsix\n".encode("latin-1"),
        b"six\r\n",
        b"six\r",
    ],
)
def test_encodings(tmp_path: Path, data: bytes) -> None:
    assert [each.name for each in read(tmp_path, data).stated] == ["six"]


@pytest.mark.parametrize(
    "data", [b"\xff\xfes", b"six\n\xff\n", b"# coding: base64\nsix\n", b"# coding: nix\n", b"a\0b\n"]
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(RequirementError):
        read(tmp_path, data)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "requirements.txt")
    with pytest.raises(RequirementError, match="not a regular file but a named pipe"):
        read_requirements(str(tmp_path / "requirements.txt"), {})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("requirements-dev.txt", "requirements"), ("base.in", "requirements"), ("pyproject.toml", "pyproject"),
        ("pylock.toml", "pylock"), ("pylock.dev.toml", "pylock"), ("uv.lock", "uv"), ("Pipfile.lock", "pipfile"),
        ("poetry.lock", "poetry"), ("pdm.lock", "pdm"), ("run.py", "script"), ("environment.yml", "environment"),
        ("conda-lock.yml", "conda-lock"), ("Cargo.lock", None), ("README.md", None),
    ],
)  # fmt: skip
def test_names_of_files(name: str, kind: str | None) -> None:
    assert kind_of(f"some/where/{name}") == kind
