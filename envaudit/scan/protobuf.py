"""What generated protobuf code needs of the protobuf that is installed, from its text; nothing of it is run.

protobuf's compiler writes ``_pb2.py`` files for the runtimes of its time. Code of 5.27 and later compares its version
with the runtime's when it is imported; older code fails when what it uses is not there or not allowed any more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import is_there, read_bytes
from envaudit.model import Gap, GeneratedCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Distribution

# The largest generated files (of ONNX, TensorFlow, Google's ads) have below 1 MB; one distribution has thousands.
_SIZE_LIMIT = 8 * 1024 * 1024
_FILE_LIMIT = 10_000
_CHECK = re.compile(
    rb"ValidateProtobufRuntimeVersion\(\s*(?:\w+\.)*Domain\.PUBLIC,\s*(\d{1,4}),\s*(\d{1,4}),\s*(\d{1,4})\s*,"
)
# A package that brings its own copy of the runtime imports it under another name; that one is not judged.
_BUILDER = re.compile(rb"^from google\.protobuf\.internal import builder\b", re.MULTILINE)
_RUNTIME = re.compile(rb"^from google\.protobuf import ", re.MULTILINE)
_DESCRIPTORS = re.compile(
    rb"^(?:\w+ = _descriptor\.(?:File|Enum)?Descriptor\(|[ \t]+_descriptor\.FieldDescriptor\()", re.MULTILINE
)


# Runtimes before this one make descriptors in their own way, later ones only from a serialised file.
_NO_DESCRIPTORS = (4,)
_FIRST_BUILDER = (3, 20)


class Runtime(NamedTuple):
    """The protobuf that is installed; ``compiled`` says that it has its C implementation, which is the strict one."""

    version: tuple[int, ...]
    compiled: bool


class Style(NamedTuple):
    """What a generated file needs; the fields are those of ``GeneratedCode``."""

    style: Literal["checked", "builder", "descriptors"]
    version: tuple[int, int, int] | None
    line: int


def read_generated(distributions: Iterable[Distribution], gaps: list[Gap]) -> Iterator[GeneratedCode]:
    """Yield what the generated files of distributions need; files that cannot be read are added to ``gaps``.

    Nothing is read unless protobuf is installed: without it no such file can be imported at all.
    """
    visible = [dist for dist in distributions if not dist.hidden_by]
    if not any(dist.key == "protobuf" for dist in visible):
        return
    for dist in visible:
        if dist.key == "protobuf":
            continue  # its own files were made with it
        if len(dist.generated) > _FILE_LIMIT:
            gaps.append(
                Gap("API010", dist.info_path, f"more than {_FILE_LIMIT} generated files; the rest was left out")
            )
        for path in dist.generated[:_FILE_LIMIT]:
            try:
                found = classify(read_bytes(f"{dist.site_dir}/{path}", _SIZE_LIMIT))
            except ReadError as error:
                gaps.append(Gap("API010", f"{dist.site_dir}/{path}", str(error)))
                continue
            if found is not None and not _has_newer_twin(dist.site_dir, path):
                yield GeneratedCode(path, dist.site_dir, dist.info_path, *found)


def runtime_of(distributions: Iterable[Distribution]) -> Runtime | None:
    """Return the protobuf that would be imported, ``None`` without one or with a version that is no number."""
    for dist in distributions:
        if dist.key == "protobuf" and not dist.hidden_by:
            release = re.match(r"\d{1,6}(?:\.\d{1,6})*", dist.version)
            compiled = any(entry.path.rpartition("/")[2].startswith("_message.") for entry in dist.binaries)
            if release is None:
                return None
            numbers = [*map(int, release[0].split(".")), 0, 0]
            return Runtime(tuple(numbers[:3]), compiled)
    return None


def fails_on(code: GeneratedCode, runtime: Runtime) -> bool:
    """Say whether a generated file cannot be imported with a runtime."""
    if code.style == "checked":
        # All three numbers are compared: code of 6.31.1 is refused by 6.31.0.
        return code.version is not None and runtime.version < code.version
    if code.style == "builder":
        return runtime.version < _FIRST_BUILDER
    return runtime.compiled and runtime.version >= _NO_DESCRIPTORS


def classify(text: bytes) -> Style | None:
    """Say what a generated file needs of its runtime; ``None`` when every runtime will do, or it uses none."""
    if not _RUNTIME.search(text):
        return None
    if match := _CHECK.search(text):
        return Style("checked", (int(match[1]), int(match[2]), int(match[3])), _line(text, match))
    if match := _BUILDER.search(text):
        return Style("builder", None, _line(text, match))
    if match := _DESCRIPTORS.search(text):
        return Style("descriptors", None, _line(text, match))
    return None


def _line(text: bytes, match: re.Match[bytes]) -> int:
    return text.count(b"\n", 0, match.start()) + 1


def _has_newer_twin(site_dir: str, path: str) -> bool:
    """Say whether a file for newer runtimes stands beside it: transformers brings two and chooses when it runs."""
    return is_there(f"{site_dir}/{path.removesuffix('.py')}_new.py")
