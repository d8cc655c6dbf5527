"""Where the files of an editable install are: beside the folder named in direct_url.json, the finder of setuptools.

An editable install is a wheel with nothing in it but a ``.pth`` file. That leads to the sources directly, or imports a
``__editable___NAME_finder`` module with a table from import names to folders. The table is read as a literal; the
module is never run.
"""

from __future__ import annotations

from envaudit.errors import ReadError
from envaudit.files import read_text

_FINDER_LIMIT = 4 * 1024 * 1024


def finder_name(name: str, version: str) -> str:
    """Return the file name of the finder module that setuptools writes for a distribution."""
    safe = "".join(char if char.isalnum() else "_" for char in f"{name}-{version}")
    return f"__editable___{safe}_finder.py"


def read_mapping(path: str) -> dict[str, str]:
    """Return ``MAPPING`` of a finder module: import names and the folders or files they lead to.

    Raises ``ReadError`` when the module cannot be read or has no such table of texts.
    """
    text = read_text(path, _FINDER_LIMIT)
    import ast  # noqa: PLC0415  # only for editable installs

    for line in text.splitlines():
        if not line.startswith("MAPPING"):
            continue
        try:
            value = ast.literal_eval(line.partition("=")[2].strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise ReadError("MAPPING is not a literal") from error
        if isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair):
            return value
        raise ReadError("MAPPING is not a table of texts")
    raise ReadError("there is no MAPPING in it")
