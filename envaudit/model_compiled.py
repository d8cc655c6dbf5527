"""The frozen value types of what compiled files say and of how they find each other; part of ``envaudit.model``.

Other modules import the classes from ``envaudit.model``, which holds all value types together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from typing import Literal

    NumpyKind = Literal["c-api", "cython", "by-name"]
    NumpyBuild = Literal["1.x", "2.x", "both", "unknown"]

Value = TypeVar("Value", bound="tuple[object, ...]")


def replace(value: Value, **changes: object) -> Value:
    """Return one of the values with other content in the fields that are named, as ``dataclasses.replace`` does."""
    changed: Value = value._replace(**changes)  # type: ignore[attr-defined]  # all of them are named tuples
    return changed


# --- what compiled files say ----------------------------------------------------------------------------------------


class StructSizes(NamedTuple):
    """Sizes in bytes of NumPy's C structs; ``None`` where not known."""

    dtype: int | None = None
    ndarray: int | None = None
    ufunc: int | None = None


class NumpyNeed(NamedTuple):
    """What a compiled file needs of NumPy.

    ``kind``: ``c-api`` calls ``_import_array`` (checked by NumPy when imported), ``cython`` only has Cython's size
    check, ``by-name`` looks the API table up by name without any check (pybind11 before 2.12, rust-numpy).
    ``built_for`` is the NumPy generation of the headers. ``feature`` is the lowest C-API feature version
    (``0x12`` is 2.0) and ``feature_from`` how it was found (``text``, ``argument``, ``compare``, ``slot``);
    ``feature_text`` is the string in the file (``1.23``) when there is one. ``asks_first`` says that NumPy is asked
    before sizes are compared, as Cython 3 does when the source does not call ``import_array`` itself.
    """

    kind: NumpyKind
    built_for: NumpyBuild
    framework: str = ""
    feature: int | None = None
    feature_from: str = ""
    feature_text: str = ""
    expects: StructSizes = StructSizes()
    asks_first: bool = False


class VersionNeed(NamedTuple):
    """Symbol versions (``GLIBC_2.34``) that a file asks one of its libraries for; weak ones are left out."""

    library: str
    versions: tuple[str, ...]


class BinaryFacts(NamedTuple):
    """What one compiled file says, read and not judged.

    ``format`` is ``elf``, ``macho`` or ``pe``; ``machine`` is ``x86_64``, ``aarch64``, ... ``truncated`` means that
    the file ends before its last loadable segment does. ``numpy_unread`` says why the NumPy part is unknown.
    ``needed`` are the libraries it asks for by name, ``needed_late`` those it can do without until they are used (PE
    delay-load, Mach-O weak). ``frameworks`` are what generated or supports the code of a file that uses NumPy's C
    API; in others only Cython and pybind11 are looked for. ``exec_stack`` asks for an executable stack,
    ``static_tls`` are the bytes of thread-local storage that must fit into the loader's reserve (0: none),
    ``min_align`` is the smallest alignment of a loadable segment. ``min_os`` is the oldest macOS a Mach-O file runs
    on. ``pybind11`` is the whole name of its pybind11 internals.
    """

    format: str
    machine: str
    bits: int
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    truncated: bool = False
    numpy: NumpyNeed | None = None
    numpy_unread: str = ""
    frameworks: tuple[str, ...] = ()
    needed_late: tuple[str, ...] = ()
    versions_needed: tuple[VersionNeed, ...] = ()
    exec_stack: bool = False
    static_tls: int = 0
    min_align: int = 0
    min_os: str = ""
    pybind11: str = ""


class Binary(NamedTuple):
    """A compiled file of the target; ``path`` is relative to ``site_dir``, ``owner`` a distribution's ``info_path``.

    ``facts`` is ``None`` when the file could not be read. ``has_source`` says of one with the tag of another Python
    that a ``.py`` file of the same module lies beside it, which Python imports instead. ``missing`` says that RECORD
    lists the file and that it is not there.
    """

    path: str
    site_dir: str
    owner: str
    facts: BinaryFacts | None
    has_source: bool = False
    missing: bool = False


class RunningNumpy(NamedTuple):
    """The NumPy that would be imported, by its own files.

    ``abi`` and ``feature`` come from ``_numpyconfig.h`` (``source``), else from the release table. ``feature`` is
    ``None`` for a release that neither knows: then nothing is said about it.
    """

    version: str
    abi: int | None
    feature: int | None
    sizes: StructSizes
    source: str
    info_path: str


# --- how compiled files find each other ------------------------------------------------------------------------------


class Resolved(NamedTuple):
    """Where a needed library is found.

    ``how`` is ``runpath``, ``rpath``, ``LD_LIBRARY_PATH``, ``cache``, ``default``, ``path`` (a name with a slash),
    ``folder`` (that of the module, on Windows), ``loaded`` (a file of the target that another package loads first) or
    ``system``.
    """

    name: str
    path: str
    how: str
    owner: str = ""


class LinkedFile(NamedTuple):
    """What the loader would do with one compiled file of the target.

    ``resolved`` are the libraries it asks for itself; ``missing`` are names that nothing provides, each with the
    file that asks for it (the file itself, or a library in its closure). ``missing_versions`` are pairs of a library
    and a version that the one found does not define. ``undefined`` are names no file of its closure exports,
    ``undefined_python`` those that only an interpreter can export. ``unread`` says why the symbols could not be judged.
    ``unseen`` are names that should be found on the target's machine, each with the place, where that machine is not
    at hand (macOS, Windows).
    """

    path: str
    site_dir: str
    owner: str
    resolved: tuple[Resolved, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    missing_versions: tuple[tuple[str, str], ...] = ()
    undefined: tuple[str, ...] = ()
    undefined_python: tuple[str, ...] = ()
    unread: str = ""
    is_module: bool = False
    offered: tuple[tuple[str, str], ...] = ()
    related: tuple[tuple[str, str], ...] = ()
    loads: tuple[str, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()


class ImportPath(NamedTuple):
    """Which compiled modules of a distribution its own packages import at import time, without a guard.

    ``modules`` are paths relative to the site folder. ``complete`` is false when a source file could not be read or
    parsed: then a module that is missing here may still be imported. ``past_guards`` are further modules that stand
    behind ``except ImportError``, which does not stop the ``ValueError`` of Cython's size check; ``perhaps`` stand
    under a condition that reading cannot decide, such as what the processor can do.
    """

    owner: str
    modules: frozenset[str]
    complete: bool = True
    past_guards: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()


class GeneratedCode(NamedTuple):
    """A ``_pb2.py`` file: Python that protobuf's compiler wrote for a range of its runtimes.

    ``style`` is what it needs of the runtime: ``checked`` compares ``version`` when it is imported, ``builder`` needs
    3.20 or newer, ``descriptors`` was written before 3.20 and makes its descriptors itself. ``line`` shows it.
    """

    path: str
    site_dir: str
    owner: str
    style: Literal["checked", "builder", "descriptors"]
    version: tuple[int, int, int] | None = None
    line: int | None = None
