"""Wheels as bytes, whole or damaged, for tests of what reads them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from tests.binary.forge import Elf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOO_OLD = b"module compiled against ABI version 0x%x but this version of numpy is 0x%x\0"
# What modules of each class hold among their strings, see envaudit.binary.numpy_text.
_STRINGS = {
    "1.x": b"numpy.core._multiarray_umath\0_ARRAY_API\0" + _TOO_OLD + b"module compiled against API version 0x%x but\0",
    "2": b"numpy._core._multiarray_umath\0_ARRAY_API\0"
    + _TOO_OLD
    + b"module was compiled against NumPy C-API version 0x%x (NumPy 1.23) but the running NumPy has 0x%x\0",
    "cython": b"numpy.core.multiarray failed to import\0%.200s size changed, may indicate binary incompatibility.\0",
    "pybind11": b"__pybind11_internals_v4_gcc\0numpy.core.multiarray\0_ARRAY_API\0",
    "rust": b"pyo3_runtime\0numpy.core.multiarray\0_ARRAY_API\0",
    "none": b"nothing of the kind\0",
}


def module(kind: str, padding: int = 0) -> bytes:
    """Return a forged extension module for 64-bit Intel Linux; ``padding`` bytes at its end make it larger."""
    return bytes(Elf(rodata=b"\0" + _STRINGS[kind])) + bytes(range(256)) * (padding // 256)


def wheel_name(name: str, version: str, tag: str = "py3-none-any") -> str:
    return f"{name.replace('-', '_')}-{version}-{tag}.whl"


def wheel(
    name: str,
    version: str,
    requires: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
    tag: str = "py3-none-any",
    *,
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """Return a wheel; the content of ``files`` comes before its metadata, as in real ones."""
    base = f"{name.replace('-', '_')}-{version}"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    metadata = "\n".join(lines) + "\n"
    content = {
        **(files or {f"{name.replace('-', '_')}.py": b""}),
        f"{base}.dist-info/METADATA": metadata.encode(),
        f"{base}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    content[f"{base}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in content).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, data in content.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), data, compression)
    return buffer.getvalue()


def metadata_of(data: bytes) -> bytes:
    """Return METADATA as the standard library reads it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name)
