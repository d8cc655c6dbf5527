"""The rules as a distribution of their own: a wheel with one built file and no code, to be pinned like any other."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from envaudit.rulebook.load import BUILT_FILE, RULES_PACKAGE

_NAME = "pyenvaudit-rules"
# The earliest moment that a zip archive can name: the same rules give the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def wheel_name(version: str) -> str:
    """Return the file name of the wheel."""
    return f"{RULES_PACKAGE}-{version}-py3-none-any.whl"


def wheel_bytes(version: str, built: str) -> bytes:
    """Return the wheel with the built file of a database; ``version`` is that of the database."""
    info = f"{RULES_PACKAGE}-{version}.dist-info"
    metadata = (
        "Metadata-Version: 2.1\n"
        f"Name: {_NAME}\n"
        f"Version: {version}\n"
        "Summary: Known-bad combinations of Python distributions, for envaudit\n"
        "License: BSD-3-Clause\n"
        "Requires-Python: >=3.10\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: envaudit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        f"{RULES_PACKAGE}/__init__.py": f'"""The rules database of envaudit, version {version}: data, no code."""\n',
        f"{RULES_PACKAGE}/{BUILT_FILE}": built,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": wheel,
    }
    record = "".join(f"{name},{_hash(text)},{len(text.encode())}\n" for name, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            member = zipfile.ZipInfo(name, _MOMENT)
            member.external_attr = _MODE
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text)
    return buffer.getvalue()


def _hash(text: str) -> str:
    """Return the hash of a file as RECORD writes it."""
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
