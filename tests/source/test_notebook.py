"""Notebooks are taken apart: which cells are Python, and where each line of it stands."""

from __future__ import annotations

import ast
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envaudit.errors import ReadError
from envaudit.source.notebook import python_of, read_notebook, shown


def code(*lines: str, **fields: Any) -> dict[str, Any]:
    source = [f"{line}\n" for line in lines[:-1]] + list(lines[-1:])
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source, **fields}


def notebook(*cells: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields}, indent=1).encode()


MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": ["import nothing"]}


def test_a_line_is_found_in_its_cell_and_in_the_file() -> None:
    data = notebook(code("import a"), MARKDOWN, code("import b", "", "import c", execution_count=7))
    read = read_notebook(data)
    line = read.text.decode().split("\n").index("import c") + 1
    cell, inner = read.place(line)
    assert (cell.number, cell.position, cell.run, inner) == (2, 3, 7, 3)
    assert cell.file_line is not None
    assert data.decode().split("\n")[cell.file_line + inner - 2].strip() == '"import c"'
    assert shown(cell, inner) == "code cell 2 (cell 3), In [7], line 3"


def test_a_notebook_on_one_line_has_no_lines_of_its_own() -> None:
    (cell,) = read_notebook(json.dumps(json.loads(notebook(code("import a")))).encode()).cells
    assert cell.file_line == 1
    joined = notebook({**code("import a"), "source": "import a\nimport b"})
    assert read_notebook(joined).cells[0].file_line is None
    assert read_notebook(joined).text == b"import a\nimport b"


def test_outputs_that_look_like_sources_do_not_shift_lines() -> None:
    fake = {"output_type": "display_data", "data": {"application/json": {"source": ["import z\n"]}}, "metadata": {}}
    data = notebook(code("import a", outputs=[fake]), code("import z"))
    lines = [cell.file_line for cell in read_notebook(data).cells]
    assert [data.decode().split("\n")[line - 1].strip() for line in lines if line] == ['"import a"', '"import z"']


def test_format_3_has_sheets_and_languages() -> None:
    cells = [
        {"cell_type": "code", "language": "python", "prompt_number": 3, "input": ["import a"], "outputs": []},
        {"cell_type": "code", "language": "R", "input": ["library(x)"], "outputs": []},
        {"cell_type": "heading", "source": ["import b"]},
        {"cell_type": "code", "language": "python", "input": "import c", "outputs": []},
    ]
    data = {"metadata": {"name": "old"}, "nbformat": 3, "worksheets": [{"cells": cells, "metadata": {}}]}
    read = read_notebook(json.dumps(data).encode())
    assert read.text == b"import a\nimport c"
    assert [(cell.number, cell.position, cell.run) for cell in read.cells] == [(1, 1, 3), (2, 4, None)]


@pytest.mark.parametrize(
    ("metadata", "read"),
    [
        ({}, True),
        ({"kernelspec": {"name": "python3", "language": "python"}}, True),
        ({"kernelspec": {"name": "my-env", "display_name": "mine"}}, True),
        ({"kernelspec": {"name": "ir", "language": "R"}}, False),
        ({"language_info": {"name": "julia"}}, False),
        ({"language_info": {"name": "ipython"}}, True),
        ("nothing", True),
    ],
)
def test_notebooks_of_other_languages_have_no_python(metadata: object, read: bool) -> None:
    assert bool(read_notebook(notebook(code("import a"), metadata=metadata)).cells) is read


def test_cells_an_editor_marks_as_another_language_are_left_out() -> None:
    sql = code("SELECT 1", metadata={"vscode": {"languageId": "sql"}})
    assert [cell.position for cell in read_notebook(notebook(sql, code("import a"))).cells] == [2]


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nimport a", "pass\nimport a"),
        ("!pip install \\\n  numpy\nimport a", "pass\n\nimport a"),
        ("x = !ls\ny = %time 3", "pass\npass"),
        ("if x:\n    %load_ext a\n    !ls", "if x:\n    pass\n    pass"),
        ("np.array?\n?np.array\nnp.array??", "pass\npass\npass"),
        ("%time x = np.float(1)", "x = np.float(1)"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\nx = 1", "\n\nx = 1"),
        ("%%bash\nimport a", "\n"),
        ("%%writefile a.py\nimport a", "\n"),
        ("x = (a\n  % b)", "x = (a\n  % b)"),
        ("x = a \\\n  % b", "x = a \\\n  % b"),
        ('x = """\n!ls\n%cd\n"""\n!ls', 'x = """\n!ls\n%cd\n"""\npass'),
        ("x = '[' # (\n%cd", "x = '[' # (\npass"),
        ("x != 1\ny = x % 2", "x != 1\ny = x % 2"),
    ],
)
def test_what_only_ipython_understands_is_taken_out(cell: str, python: str) -> None:
    assert python_of(cell) == python
    ast.parse(python)


def test_a_cell_that_is_no_python_leaves_the_others() -> None:
    read = read_notebook(notebook(code("import a"), code("", "print 1"), code("import c")))
    assert read.text == b"import a\n\nimport c"
    ((cell, why),) = read.broken
    assert (cell.number, why.startswith("no Python, line 2: ")) == (2, True)
    assert read.place(3)[0].number == 3


@pytest.mark.parametrize(
    "line", ["!pip install foo", "%pip install foo", "!conda install -y foo", "!uv pip install foo"]
)
def test_a_notebook_that_installs_says_so(line: str) -> None:
    assert read_notebook(notebook(code(line))).installs
    assert not read_notebook(notebook(code("pip = install"))).installs


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"cells": 3}',
        b'{"worksheets": {}}',
        b'{"worksheets": [3]}',
        b'{"nbformat": 4}',
    ],
    ids=repr,
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(ReadError, match="not a notebook"):
        read_notebook(data)


@pytest.mark.parametrize(
    "cell",
    [
        3,
        None,
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": [1, None, "x"]},
    ],
    ids=repr,
)
def test_cells_of_any_other_form_are_borne(cell: object) -> None:
    read = read_notebook(json.dumps({"cells": [cell, code("import a")]}).encode())
    assert read.text.endswith(b"import a")


def test_too_much_is_refused() -> None:
    with pytest.raises(ReadError, match="a notebook of more than"):
        read_notebook(json.dumps({"cells": [{"cell_type": "code", "source": ""}] * 20_001}).encode())


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["cells", "worksheets", "cell_type", "source", "input", "metadata", "kernelspec", "name", "code"]
                )
                | st.text(),
                x,
            )
        ),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    with contextlib.suppress(ReadError):
        read_notebook(json.dumps(document).encode())


@settings(deadline=None)
@given(st.text(alphabet="ab=!%?()[]{}'\"\\\n #.", max_size=60))
def test_taking_out_keeps_the_number_of_lines(cell: str) -> None:
    assert python_of(cell).count("\n") == cell.count("\n")
