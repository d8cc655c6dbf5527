"""Has a virtual environment been moved? Its scripts and its activation script hold the path it was made at.

The interpreter itself works in any place, because it finds pyvenv.cfg beside itself. Environments that were made to be
moved (``uv venv --relocatable``) look their place up and name none.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import exists, is_file, open_regular, outside, read_bytes, real
from envaudit.model import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Distribution, Target

# VIRTUAL_ENV="/path" of venv, VIRTUAL_ENV='/path' of virtualenv and uv.
_VIRTUAL_ENV = re.compile(rb"^[ \t]*(?:export )?VIRTUAL_ENV=([\"']?)(/[^\"'$`\n]*)\1[ \t]*$", re.MULTILINE)
# Where a path is too long for the system or has a space in it, a shell starts the interpreter.
_BY_SHELL = re.compile(rb"^'''exec' ([\"']?)(/[^\"'$`\n]*)\1 ", re.MULTILINE)
_GROUPS = frozenset(("console_scripts", "gui_scripts"))
_HEAD = 4096
_ACTIVATE_LIMIT = 256 * 1024
# Where the activation script fits, this many scripts that fit too are enough.
_SAMPLE = 8
_SCRIPTS = 400


def read_activate(target: Target) -> str:
    """Return the folder that the activation script leads to when it is not the environment itself, else nothing."""
    if target.kind != "venv":
        return ""
    try:
        match = _VIRTUAL_ENV.search(read_bytes(f"{target.prefix}/bin/activate", _ACTIVATE_LIMIT))
    except ReadError:
        return ""
    if match is None:
        return ""
    named = match[2].decode("utf-8", "surrogateescape").rstrip()
    return "" if real(outside(named)) == real(target.prefix) else named


def read_scripts(target: Target, visible: Iterable[Distribution], *, moved: bool) -> Iterator[Script]:
    """Yield the scripts of entry points that name the interpreter of another environment.

    ``moved`` says that there is reason to look at all of them.
    """
    if target.kind != "venv":
        return
    own = {real(f"{target.prefix}/bin"), real(f"{target.base_prefix}/bin")}
    names = sorted({point.name for dist in visible for point in dist.entry_points if point.group in _GROUPS})
    looked_at = 0
    for name in names:
        path = f"{target.prefix}/bin/{name}"
        if "/" in name or not is_file(path):
            continue
        python = _interpreter(path)
        looked_at += 1
        if python and real(os.path.dirname(outside(python))) not in own:
            moved = True
            yield Script(path, python)
        if looked_at >= (_SCRIPTS if moved else _SAMPLE):
            return


def leads_nowhere(script: Script) -> bool:
    """Say whether the interpreter of a script does not exist."""
    return not exists(outside(script.python))


def _interpreter(path: str) -> str:
    """Return the absolute path of the Python that runs a script, empty for one that looks it up or is no script."""
    try:
        with open_regular(path) as (descriptor, _):
            head = os.read(descriptor, _HEAD)
    except (ReadError, OSError):
        return ""
    if not head.startswith(b"#!"):
        return ""
    words = head[2:].split(b"\n", 1)[0].split()
    match = _BY_SHELL.search(head) if words and words[0].endswith(b"/sh") else None
    program = match[2] if match else b" ".join(words[:1])
    text = program.decode("utf-8", "surrogateescape")
    return text if text.startswith("/") and os.path.basename(text).startswith(("python", "pypy")) else ""
