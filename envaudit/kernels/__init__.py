"""The kernels that Jupyter offers, from the same folders in the same order, read from files alone."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import EnvauditError, ReadError
from envaudit.files import exists, is_executable, is_file, is_folder, is_there, list_folder, read_text
from envaudit.locate import TargetRequest, locate
from envaudit.model_host import Kernel
from envaudit.scan import scan_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envaudit.model import Distribution, Target

MARKER = "envaudit"  # the key in the metadata of a kernel.json that says who wrote it
_LARGEST = 1024 * 1024
_MOST = 500
# What a Python kernel is made of.
PARTS = (
    "ipykernel", "ipython", "ipython-genutils", "jupyter-client", "jupyter-core", "pyzmq", "tornado", "traitlets",
    "comm", "debugpy",
)  # fmt: skip
_SYSTEM = ("/usr/local/share/jupyter", "/usr/share/jupyter")


class _Environment(NamedTuple):
    prefix: str
    python: str
    installed: tuple[tuple[str, str], ...] | None
    fault: str = ""


def has_kernels(target: Target) -> bool:
    """Whether an environment offers kernels of its own."""
    return is_folder(f"{target.prefix}/share/jupyter/kernels")


def read_kernels(
    target: Target | None, distributions: Iterable[Distribution], environ: Mapping[str, str], *, everyone: bool = True
) -> Iterator[Kernel]:
    """Yield the kernels that Jupyter of the target offers this user, in the order in which it looks for them.

    Without ``everyone`` those of the target alone; the others are only read to see which of the same name come first.
    """
    environments = {target.prefix: _described(target, distributions)} if target is not None else {}
    seen: dict[str, Kernel] = {}
    for folder, origin in places(target, environ):
        for kernel in _in(f"{folder}/kernels", origin):
            first = seen.setdefault(kernel.name.lower(), kernel)
            hidden = kernel._replace(hidden_by=first.folder if first.argv != kernel.argv else "")
            if everyone or origin == "environment":
                yield _with_environment(hidden, target, environments, environ)


def places(target: Target | None, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the folders in which Jupyter looks for its data, each once, with whose they are."""
    given = [(path, "JUPYTER_PATH") for path in environ.get("JUPYTER_PATH", "").split(os.pathsep) if path]
    home = environ.get("HOME", "")
    data = environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    user = environ.get("JUPYTER_DATA_DIR") or (f"{data}/jupyter" if data else "")
    users = [(user, "user")] if user else []
    own = [(f"{target.prefix}/share/jupyter", "environment")] if target is not None else []
    prefer = environ.get("JUPYTER_PREFER_ENV_PATH", "").lower()
    first = prefer not in {"no", "n", "false", "off", "0", "0.0"} if prefer else _is_venv(target)
    middle = [*own, *users] if first else [*users, *own]
    last = [(path, "system") for path in _SYSTEM] + ([(f"{home}/.ipython", "user")] if home else [])
    yield from _once([*given, *middle, *last])


def _once(found: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for path, origin in found:
        place = path.rstrip("/")
        if place not in seen:
            seen.add(place)
            yield place, origin


def _is_venv(target: Target | None) -> bool:
    return target is not None and is_file(f"{target.prefix}/pyvenv.cfg")


def _in(folder: str, origin: str) -> Iterator[Kernel]:
    if not is_folder(folder):
        return
    try:
        entries = list_folder(folder)[:_MOST]
    except ReadError:
        return
    for entry in entries:
        place = f"{folder}/{entry.name}"
        if is_there(f"{place}/kernel.json"):
            yield _read(place, origin)


def _read(folder: str, origin: str) -> Kernel:
    kernel = Kernel(folder.rpartition("/")[2], folder, origin)
    try:
        spec: Any = json.loads(read_text(f"{folder}/kernel.json", _LARGEST))
    except (ReadError, ValueError, RecursionError) as error:
        return kernel._replace(fault=f"kernel.json cannot be read: {error}")
    if not isinstance(spec, dict):
        return kernel._replace(fault="kernel.json is no JSON object")
    argv, display, variables = spec.get("argv"), spec.get("display_name"), spec.get("env", {})
    kernel = kernel._replace(display=display if isinstance(display, str) else "")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) and word for word in argv):
        return kernel._replace(fault="kernel.json has no argv, the command that starts the kernel")
    kernel = kernel._replace(argv=_watched(argv, spec.get("metadata")))
    if not any("{connection_file}" in word for word in argv):
        kernel = kernel._replace(fault="argv has no {connection_file}, so that the kernel cannot be reached")
    if isinstance(variables, dict):
        pairs = tuple((name, value) for name, value in variables.items() if isinstance(value, str))
        kernel = kernel._replace(variables=pairs)
    return _started_by(kernel)


def _watched(argv: list[str], metadata: object) -> tuple[str, ...]:
    """Return the command of the kernel itself where the one in kernel.json has envaudit start and watch it."""
    ours = isinstance(metadata, dict) and isinstance(metadata.get(MARKER), dict)
    return tuple(argv[argv.index("--") + 1 :] if ours and "--" in argv[:-1] else argv)


def _started_by(kernel: Kernel) -> Kernel:
    program = kernel.argv[0]
    return kernel._replace(interpreter=program, missing=_missing(program)) if "/" in program else kernel


def _missing(program: str) -> str:
    if exists(program):
        return "" if is_executable(program) and not is_folder(program) else "may not be executed"
    return "is a link that leads nowhere" if is_there(program) else "is not there"


def _with_environment(
    kernel: Kernel, target: Target | None, known: dict[str, _Environment], environ: Mapping[str, str]
) -> Kernel:
    """Add what the environment of a Python kernel has; one with a bare name runs in that of the Jupyter server."""
    if kernel.missing or not kernel.is_ipython():
        return kernel
    if not kernel.interpreter:
        prefix = target.prefix if target is not None and kernel.origin == "environment" else ""
    else:
        prefix = os.path.dirname(os.path.dirname(os.path.abspath(kernel.interpreter)))
    if not prefix:
        return kernel
    if prefix not in known:
        known[prefix] = _found(kernel.interpreter, environ)
    found = known[prefix]
    return kernel._replace(prefix=found.prefix, python=found.python, installed=found.installed, missing=found.fault)


def _found(interpreter: str, environ: Mapping[str, str]) -> _Environment:
    try:
        target = locate(TargetRequest(interpreter), environ, "/")
        return _described(target, scan_target(target, compare=False).distributions)
    except EnvauditError as error:
        return _Environment("", "", None, f"leads to no environment that can be read: {error}")


def _described(target: Target, distributions: Iterable[Distribution]) -> _Environment:
    gone = next((problem.detail for problem in target.problems if problem.kind == "base-missing"), "")
    parts = tuple((str(dist.key), dist.version) for dist in distributions if dist.key in PARTS and not dist.hidden_by)
    return _Environment(
        target.prefix, target.python, parts, f"was made from a Python that is gone: {gone}" if gone else ""
    )
