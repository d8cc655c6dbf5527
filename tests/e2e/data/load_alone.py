"""Load extension modules one by one, each alone in a child process, and say how each ended.

    PYTHON -I load_alone.py NUMPY_FOLDER WHEEL_FOLDER COMPANIONS_FOLDER < PATHS

Runs in the Python of the wheel (3.8 or newer). NumPy is imported once, then each module gets a fork of this process.
Its packages are stubs: first all packages of the wheel, then only its own parents, at last none, until one way tells
something. One JSON line for each path: ``ok``, ``size`` or ``abi`` with NumPy's sentence, else ``other``.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import re
import resource
import signal
import sys
import types
from typing import Any

WAYS = ("stubs", "parents", "real")
SECONDS = 20
MEMORY = 2 << 30
SIZE = re.compile(r"numpy\.\w+ size changed, may indicate binary incompatibility|has the wrong size, try recompiling")
ABI = re.compile(
    r"numpy\.(_?core)\.(_?)multiarray(_umath)? failed to import|compiled against (ABI|API|NumPy C-API) version"
    r"|cannot be run in\s+NumPy 2|umath failed to import"
)
failures: list[tuple[str, str]] = []


def text_of(error: BaseException | None) -> str:
    """Return the texts of an exception and of what it came from."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return " | ".join(f"{type(one).__name__}: {one}" for one in seen)


def kind_of(text: str) -> str:
    """Return the class of a failure; Cython's size check speaks before NumPy does."""
    if SIZE.search(text):
        return "size"
    # What an exception of something else led to is not NumPy's: pandas asks itself for a capsule before it asks NumPy.
    first = text.rpartition(" | ")[2]
    return "abi" if ABI.search(text) and (ABI.search(first) or "_ARRAY_API" in first) else "other"


class Watched(importlib.machinery.ExtensionFileLoader):
    """Remembers which extension module failed first: it may be one that the module imports."""

    def create_module(self, spec: Any) -> Any:
        try:
            return super().create_module(spec)
        except BaseException as error:
            failures.append((str(self.path), text_of(error)))
            raise

    def exec_module(self, module: Any) -> None:
        try:
            super().exec_module(module)
        except BaseException as error:
            failures.append((str(self.path), text_of(error)))
            raise


class Stubs:
    """Answers every import of a package of the wheel with an empty one that has its folder."""

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        folder = os.path.join(self.root, *name.split("."))
        if not os.path.isdir(folder):
            return None
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec


def load(root: str, path: str, way: str) -> None:
    """Load one module under its full name; raises what it raises."""
    name = ".".join([*os.path.dirname(path).split("/"), os.path.basename(path).split(".")[0]]).lstrip(".")
    full = os.path.join(root, path)
    if way == "real":
        module = importlib.import_module(name)
        if os.path.realpath(module.__file__ or "") != os.path.realpath(full):
            raise ImportError(f"{name} was imported from {module.__file__}")
        return
    if way == "stubs":
        sys.meta_path.insert(0, Stubs(root))
    parts = name.split(".")[:-1]
    for count in range(1, len(parts) + 1):
        stub = types.ModuleType(".".join(parts[:count]))
        stub.__path__ = [os.path.join(root, *parts[:count])]
        sys.modules[stub.__name__] = stub
        if count > 1:
            setattr(sys.modules[".".join(parts[: count - 1])], parts[count - 1], stub)
    loader = Watched(name, full)
    spec = importlib.util.spec_from_file_location(name, full, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)


def tell(root: str, path: str, way: str) -> tuple[str, str]:
    """Load one module in this process; return the class and the text."""
    full = os.path.realpath(os.path.join(root, path))
    try:
        load(root, path, way)
    except BaseException as error:  # noqa: BLE001  an extension may raise anything
        text = text_of(error)
        kind = kind_of(text)
        spoke = [os.path.realpath(file) for file, said in failures if kind_of(said) == kind]
        if kind != "other" and (not spoke or spoke[0] != full):
            return "other", f"{os.path.basename(spoke[0]) if spoke else 'something else'} failed: {text}"
        return kind, text
    return "ok", ""


def in_child(root: str, path: str, way: str) -> tuple[str, str]:
    """Load one module in a fork of this process, under limits."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        silent = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silent, descriptor)
        try:
            os.write(writing, json.dumps(tell(root, path, way)).encode()[:60000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    if answer and status == 0:
        kind, text = json.loads(answer)
        return kind, text
    return "other", f"ended by {signal.Signals(status & 127).name if status & 127 else status}"


def main() -> None:
    """Load what standard input names."""
    numpy_folder, root, companions = sys.argv[1:]
    sys.path[1:1] = [numpy_folder, root, companions]
    del sys.path[0]
    numpy_file = importlib.import_module("numpy").__file__
    assert os.path.realpath(numpy_file or "").startswith(os.path.realpath(numpy_folder) + "/")
    suffixes = list(importlib.machinery.EXTENSION_SUFFIXES)
    hook = importlib.machinery.FileFinder.path_hook(
        (Watched, suffixes),
        (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
        (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
    )
    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
    for line in sys.stdin:
        path = line.rstrip("\n")
        kind, text, way, first = "other", "", "", ""
        for way in WAYS:
            kind, text = in_child(root, path, way)
            first = first or text
            if kind != "other":
                break
        print(json.dumps({"path": path, "kind": kind, "text": text if kind != "other" else first, "way": way}))


if __name__ == "__main__":
    main()
