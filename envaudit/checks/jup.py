"""JUP001 to JUP008: the kernels that Jupyter offers, against the environments they lead to."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from envaudit.model import Confidence, Evidence, Finding, Fix, Severity
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, Kernel

# Releases that were withdrawn because of what they do to kernels, with the reason the index gives or what was seen.
_BAD: dict[str, dict[str, str]] = {
    "ipykernel": {
        **dict.fromkeys(("6.18.0", "6.18.1", "6.18.2", "6.18.3", "6.19.0", "6.19.1"), "withdrawn by its authors"),
        **dict.fromkeys(("6.19.2", "6.19.3", "6.19.4", "6.20.0", "6.20.1", "6.20.2"), "withdrawn by its authors"),
        "6.21.0": "withdrawn by its authors",
        "6.27.0": "withdrawn by its authors",
    },
    "jupyter-client": dict.fromkeys(("6.1.13", "6.2.0", "8.5.0"), "withdrawn by its authors"),
    "jupyter-core": dict.fromkeys(("4.11.0", "5.6.0"), "withdrawn by its authors"),
    "traitlets": {"5.2.2": "withdrawn by its authors"},
    "debugpy": {"1.8.10": "withdrawn by its authors"},
}
_SAYS = re.compile(r"\bpython ?(3\.\d+)\b", re.IGNORECASE)
_HARMFUL = ("PYTHONHOME",)
_CHANGING = ("PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD")


def check_kernels(facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with each kernel; the first thing that keeps it from starting is enough."""
    for kernel in facts.kernels:
        broken = _broken(facts, kernel)
        if broken is not None:
            yield broken
            continue
        yield from _elsewhere(facts, kernel)
        yield from _bad_versions(kernel)
        yield from _hidden(kernel)
        yield from _variables(kernel)
        if kernel.start not in {"", "ok"}:
            yield _finding(
                "JUP008",
                Severity.ERROR,
                kernel,
                f"does not start: {kernel.start.splitlines()[-1]}",
                detail=kernel.start,
                proven=True,
            )


def _finding(
    code: str,
    severity: Severity,
    kernel: Kernel,
    message: str,
    *,
    detail: str = "",
    fix: str = "",
    proven: bool = True,
    subject: str = "",
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        confidence=Confidence.PROVEN if proven else Confidence.PREDICTED,
        message=f"the kernel {kernel.name} of {_whose(kernel)} {message}",
        subject=f"{kernel.origin}:{kernel.name}{subject}",
        symptom="the kernel appears to have died, or stays at “connecting”" if severity is Severity.ERROR else "",
        evidence=(Evidence(f"{kernel.folder}/kernel.json", detail or shlex.join(kernel.argv)),),
        fix=(Fix(fix),) if fix else (),
    )


def _whose(kernel: Kernel) -> str:
    return {"environment": "the environment", "user": "the user", "system": "the system"}.get(
        kernel.origin, kernel.origin
    )


def _broken(facts: Facts, kernel: Kernel) -> Finding | None:
    if kernel.fault:
        return _finding("JUP005", Severity.ERROR, kernel, f"cannot be used: {kernel.fault}", fix=_remove(kernel))
    if kernel.missing:
        text = f"is started by {kernel.interpreter or 'a Python'}, which {kernel.missing}"
        return _finding("JUP001", Severity.ERROR, kernel, text, fix=_remove(kernel))
    names = dict(kernel.installed) if kernel.installed is not None else None
    if names is not None and "ipykernel" not in names:
        python = kernel.interpreter or facts.target.executable
        return _finding(
            "JUP002",
            Severity.ERROR,
            kernel,
            f"runs in {kernel.prefix}, which has no ipykernel",
            fix=shlex.join(["uv", "pip", "install", "--python", python, "ipykernel"]),
        )
    return None


def _remove(kernel: Kernel) -> str:
    return shlex.join(["jupyter", "kernelspec", "remove", kernel.name])


def _elsewhere(facts: Facts, kernel: Kernel) -> Iterator[Finding]:
    """Yield JUP003."""
    said = _SAYS.search(f"{kernel.display} {kernel.name}")
    if kernel.origin == "environment" and kernel.prefix and kernel.prefix != facts.target.prefix:
        yield _finding(
            "JUP003",
            Severity.WARNING,
            kernel,
            f"runs in another environment, {kernel.prefix}",
            fix=shlex.join(
                [
                    facts.target.executable,
                    "-m",
                    "ipykernel",
                    "install",
                    "--sys-prefix",
                    "--name",
                    kernel.name,
                ]
            ),
        )
    elif said is not None and kernel.python and said[1] != ".".join(kernel.python.split(".")[:2]):
        yield _finding(
            "JUP003", Severity.WARNING, kernel, f"is called {kernel.display!r} and runs Python {kernel.python}"
        )
    elif kernel.is_ipython() and not kernel.interpreter and kernel.origin != "environment":
        yield _finding(
            "JUP003",
            Severity.NOTE,
            kernel,
            f"names no interpreter but {kernel.argv[0]!r}: it runs in the environment of whichever server starts it",
        )


def _bad_versions(kernel: Kernel) -> Iterator[Finding]:
    installed = dict(kernel.installed or ())
    for name, version in installed.items():
        why = _BAD.get(name, {}).get(version)
        if why:
            yield _bad(kernel, Severity.WARNING, f"{name} {version}, which was {why}", f":{name}")
    for text in _bad_pairs(installed, kernel.python):
        yield _bad(kernel, Severity.ERROR, text, ":pair")


def _bad(kernel: Kernel, severity: Severity, text: str, subject: str) -> Finding:
    python = kernel.interpreter or f"{kernel.prefix}/bin/python"
    fix = shlex.join(["uv", "pip", "install", "--python", python, "--upgrade", "ipykernel"])
    return _finding("JUP004", severity, kernel, f"has {text}", fix=fix, proven=False, subject=subject)


def _bad_pairs(installed: dict[str, str], python: str) -> Iterator[str]:
    """Yield combinations that were seen to die when they start, and that their metadata allow."""
    ipykernel = parse_version(installed.get("ipykernel", ""))
    if ipykernel is None:
        return
    release, running = ipykernel.release, tuple(int(part) for part in re.findall(r"\d+", python)[:2])
    if release <= (6, 0, 3) and running >= (3, 12):
        yield f"ipykernel {ipykernel}, which needs modules that Python 3.12 removed (imp)"
    elif release < (5, 0) and "ipython-genutils" not in installed:
        yield f"ipykernel {ipykernel} without ipython_genutils, which it imports and does not ask for"
    traitlets = parse_version(installed.get("traitlets", ""))
    if installed.get("ipython") == "8.22.0" and traitlets is not None and traitlets.release < (5, 12):
        yield f"ipython 8.22.0, which does not start with traitlets {traitlets} (it needs 5.12)"


def _hidden(kernel: Kernel) -> Iterator[Finding]:
    if not kernel.hidden_by:
        return
    place = os.path.dirname(kernel.hidden_by)
    yield _finding(
        "JUP006",
        Severity.WARNING if kernel.origin == "environment" else Severity.NOTE,
        kernel,
        f"is hidden by the one in {place}: who chooses {kernel.display or kernel.name!r} gets that",
    )


def _variables(kernel: Kernel) -> Iterator[Finding]:
    for name, value in kernel.variables:
        if name in (*_HARMFUL, *_CHANGING):
            yield _finding(
                "JUP007",
                Severity.WARNING if name in _HARMFUL else Severity.NOTE,
                kernel,
                f"is started with {name}={value}",
                detail=f"env: {name}={value}",
                subject=f":{name}",
            )
