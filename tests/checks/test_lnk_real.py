"""Findings on real shared objects, against what the loader of this machine does with them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from envaudit.model import Severity
from tests.linker.lab import Lab, lab, needs_gcc
from tests.support.checks import check_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Finding

__all__ = ["lab"]

RPATH = "-Wl,-rpath,$ORIGIN/../p.libs"


def _glibc() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", os.confstr("CS_GNU_LIBC_VERSION") or "")[:2])


def _one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


@needs_gcc
def test_a_missing_library(lab: Lab) -> None:
    lab.build("p.libs/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-Lp.libs", "-lfoo")
    (lab.site / "p.libs" / "libfoo.so").unlink()
    finding = _one(check_links(lab.facts("p")))
    assert (finding.code, finding.severity, finding.distribution) == ("LNK001", Severity.ERROR, "p")
    assert finding.message == "p 1.0 needs libfoo.so, which the loader does not find"
    assert finding.symptom == f"ImportError: {lab.load('p/mod.so')}"


@needs_gcc
def test_static_thread_local_storage(lab: Lab) -> None:
    source = '__thread char big[6000] __attribute__((tls_model("initial-exec"))); char *use(void) { return big; }'
    lab.module("p/mod.so", source)
    lab.module("p/small.so", source.replace("6000", "64"))
    finding = _one(check_links(lab.facts("p")))
    assert (finding.code, finding.severity, finding.subject) == ("LNK006", Severity.WARNING, "static-tls")
    assert [item.path for item in finding.evidence] == [f"{lab.site}/p/mod.so"]
    assert finding.symptom == f"ImportError: {lab.load('p/mod.so')}"
    assert lab.load("p/small.so") == "loaded"


@needs_gcc
def test_an_executable_stack(lab: Lab) -> None:
    lab.module("p/mod.so", "", "-Wl,-z,execstack")
    finding = _one(check_links(lab.facts("p")))
    assert (finding.code, finding.subject) == ("LNK006", "exec-stack")
    if _glibc() >= (2, 41):
        assert finding.severity is Severity.ERROR
        assert finding.symptom == f"ImportError: {lab.load('p/mod.so')}"
    else:
        assert finding.severity is Severity.NOTE
        assert lab.load("p/mod.so") == "loaded"
    refused = _one(check_links(lab.facts("p", libc="glibc 2.41")))
    assert (refused.severity, refused.fingerprint) == (Severity.ERROR, finding.fingerprint)


# The constructor is what the runtime of LLVM does: the first leaves a mark in the process, the second finds it.
RUNTIME = """
#include <stdio.h>
#include <stdlib.h>
int omp_thing(void) { return 1; }
__attribute__((constructor)) static void start(void) {
    if (getenv("FAKE_OMP_REGISTERED")) { fputs("OMP: Error #15\\n", stderr); abort(); }
    setenv("FAKE_OMP_REGISTERED", "1", 1);
}
"""


@needs_gcc
@pytest.mark.parametrize("mangled", [True, False])
def test_two_openmp_runtimes(lab: Lab, mangled: bool) -> None:
    for name, digest in (("p", "0a1b2c3d"), ("q", "4e5f6071")):
        soname = f"libiomp5-{digest}.so" if mangled else "libiomp5.so"
        lab.build(f"{name}.libs/{soname}", RUNTIME, f"-Wl,-soname,{soname}")
        source = "int omp_thing(void); int use(void) { return omp_thing(); }"
        lab.module(f"{name}/mod.so", source, f"{name}.libs/{soname}", f"-Wl,-rpath,$ORIGIN/../{name}.libs")
    findings = list(check_links(lab.facts("p", "q")))
    if mangled:
        finding = _one(iter(findings))
        assert (finding.code, finding.severity, finding.distribution) == ("LNK005", Severity.WARNING, "p")
        assert [other.name for other in finding.involves] == ["q"]
    else:
        # One name: the loader gives the first copy to both.
        assert findings == []
    if mangled:
        with pytest.raises(Exception, match="SIGABRT"):
            lab.load("p/mod.so", "q/mod.so")
    else:
        assert lab.load("p/mod.so", "q/mod.so") == "loaded"


@needs_gcc
def test_libraries_that_no_module_loads_are_not_counted(lab: Lab) -> None:
    for name in ("libiomp5-0a1b2c3d.so", "libomp-4e5f6071.so"):
        lab.build(f"p.libs/{name}", RUNTIME, f"-Wl,-soname,{name}", "-Wl,-z,execstack")
    lab.module("p/mod.so")
    assert list(check_links(lab.facts("p"))) == []
