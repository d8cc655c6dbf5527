"""The address of the public index, for users who name none."""

from __future__ import annotations

import importlib.util
import re

from envaudit.errors import ReadError
from envaudit.files import read_text


def default_address() -> str:
    """Return the address of the public index, which ``pypi_simple`` knows.

    It is read from the library's source, because importing the library takes half a second.
    """
    spec = importlib.util.find_spec("pypi_simple")
    if spec is not None and spec.origin:
        try:
            text = read_text(spec.origin)
        except ReadError:
            text = ""
        found = re.search(r'^PYPI_SIMPLE_ENDPOINT(?:: str)? = "(https://[^"\s]+)"$', text, re.MULTILINE)
        if found:
            return found[1]
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415

    return PYPI_SIMPLE_ENDPOINT
