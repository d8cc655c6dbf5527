"""The codes and their pages. A code never changes its meaning; each has one page in ``envaudit/pages``.

The first line of a page is ``# CODE: title``; the rest has the same sections on every page, held by a test.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from envaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the order in which `envaudit check --list` shows them.
CODES: Mapping[str, str] = {
    "ABI001": "built for NumPy 1.x, and NumPy 2 is installed",
    "ABI002": "knows only NumPy 1.x and does not check: results can be silently wrong",
    "ABI003": "needs a newer NumPy C API than the installed NumPy offers",
    "ABI004": "expects larger NumPy structs than the installed NumPy has",
    "PLT001": "not made for this version of Python",
    "PLT002": "installed from a wheel for another Python or platform",
    "PLT003": "extension modules of another Python",
    "PLT004": "compiled files for another machine",
    "PLT005": "needs a newer system than its wheel tag promises",
    "PLT006": "uses instructions this processor does not have",
    "LNK001": "a library that a compiled module needs is not found",
    "LNK002": "built for newer system libraries than there are",
    "LNK003": "a symbol that a compiled module needs is nowhere defined",
    "LNK004": "needs a function that this Python does not have",
    "LNK005": "two copies of a library that must be one",
    "LNK006": "the system refuses to map a compiled file",
    "LNK007": "a compiled file is cut short",
    "LNK008": "packages that share types were built with different pybind11",
    "API001": "a name that another distribution does not have, wanted when the package is imported",
    "API002": "a name that another distribution does not have, wanted when a function is called",
    "API003": "an import of a module that nothing installed provides",
    "API010": "protobuf code generated for another runtime",
    "DEP001": "a declared dependency is not installed",
    "DEP002": "a declared dependency is installed in a version that does not fit",
    "DEP003": "a requested extra lacks what it needs",
    "DEP004": "metadata that cannot be used",
    "INS001": "an installed file is missing",
    "INS002": "an installed file was changed",
    "INS003": "two distributions installed the same file",
    "INS004": "two versions of one distribution in one folder",
    "INS005": "metadata of one version, files of another",
    "INS006": "an installation or removal has left something behind",
    "INS007": "something that starts with Python cannot work",
    "INS008": "a module hides another one that is meant",
    "ENV001": "the interpreter of the environment is gone",
    "ENV002": "a folder of the environment cannot be read",
    "ENV003": "a folder of the environment is missing",
    "ENV004": "packages of another Python lie in the environment",
    "ENV005": "the interpreter has been replaced by another version",
    "ENV006": "the environment was moved or copied",
    "ENV007": "pip has installed over a package of conda",
    "ENV008": "packages of the system are seen in the environment",
    "ENV009": "pip is too old",
    "ENV010": "everybody may write into site-packages",
    "IDX001": "withdrawn from the package index (yanked)",
    "IDX002": "no wheel for this Python and platform",
    "IDX003": "the package index has no such version",
    "IDX004": "the package index calls the project archived, quarantined or deprecated",
    "IDX005": "a known vulnerability",
    "IDX006": "the package index offers none of the hashes that the file demands",
    "HST001": "less memory can be had than the machine has",
    "HST002": "the memory of a process is limited",
    "HST003": "the system promises memory in an unusual way",
    "HST004": "more threads than processors may be used",
    "HST005": "few processes and threads are allowed",
    "HST006": "the stack is small",
    "HST007": "few files may be open",
    "HST008": "little shared memory",
    "HST009": "a variable changes what every Python loads",
    "HST010": "two OpenMP runtimes are let run side by side",
    "HST011": "your code asks for more memory than can be had",
    "HST012": "a file your code reads takes more memory than can be had",
    "JUP001": "the program of a kernel cannot be started",
    "JUP002": "the environment of a kernel has no ipykernel",
    "JUP003": "a kernel leads to another environment than it says",
    "JUP004": "a kernel of versions that are known to be bad",
    "JUP005": "a kernel that Jupyter cannot use",
    "JUP006": "a kernel is hidden by another of the same name",
    "JUP007": "a kernel sets variables that change what Python loads",
    "JUP008": "a kernel does not start",
    "RUN001": "a smoke test computed a wrong result",
    "RUN002": "a smoke test raised an exception",
    "RUN003": "a smoke test crashed",
    "RUN004": "a smoke test aborted",
    "RUN005": "a smoke test used an instruction this processor does not have",
    "RUN006": "a smoke test was killed from outside",
    "RUN007": "a smoke test ran out of memory",
    "RUN008": "a smoke test did not end",
    "RUN009": "a smoke test ended without a result",
    "RUN010": "a smoke test flooded its output",
    "RUN011": "a smoke test left processes behind",
    "RUN012": "two packages that work alone fail together",
    "RUN013": "a smoke test started too many processes",
}


@lru_cache(maxsize=1)
def families() -> frozenset[str]:
    """Return the letters the codes begin with: ``ABI``, ``DEP``, ... and ``EA`` for rules."""
    return frozenset({code[:3] for code in CODES} | {"EA"})


def page(code: str) -> str:
    """Return the page of a code as Markdown; raises ``UsageError`` with near matches for one that does not exist."""
    wanted = code.strip().upper()
    if wanted not in CODES:
        import difflib  # noqa: PLC0415  only on the way to an error

        near = difflib.get_close_matches(wanted, CODES, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; the families are {', '.join(sorted(families()))}"
        raise UsageError(f"there is no code {code!r}{hint}")
    from importlib import resources  # noqa: PLC0415  4 ms, which a run that only wants to know the codes saves

    return resources.files("envaudit").joinpath("pages").joinpath(f"{wanted}.md").read_text(encoding="utf-8")
