"""Hand-made reports."""

from __future__ import annotations

from typing import Any

from packaging.utils import canonicalize_name

from envaudit.model import (
    Binary,
    Confidence,
    Distribution,
    Evidence,
    Facts,
    Finding,
    Fix,
    Gap,
    Involved,
    Location,
    Report,
    RulesInfo,
    Severity,
    SiteDir,
    SmokeResult,
    Suppressed,
    Target,
    Timings,
)

SITE = "/home/ada/project/.venv/lib/python3.11/site-packages"
RULES = RulesInfo("2026.11.1", 42, "sha256:" + "0" * 64)
SIZE_CHANGED = (
    "ValueError: numpy.dtype size changed, may indicate binary incompatibility. "
    "Expected 96 from C header, got 88 from PyObject"
)

TARGET = Target(
    kind="venv",
    prefix="/home/ada/project/.venv",
    base_prefix="/usr",
    executable="/home/ada/project/.venv/bin/python",
    python="3.11.7",
    version_info=(3, 11),
    implementation="cpython",
    free_threaded=False,
    platform="linux-x86_64",
    machine="x86_64",
    libc="glibc 2.36",
    site_dirs=(SiteDir(SITE),),
    markers={},
    chosen_by="argument",
)


def dist(name: str, version: str = "1.0") -> Distribution:
    return Distribution(name, canonicalize_name(name), version, f"{SITE}/{name}-{version}.dist-info", SITE)


def smoke(test: str, name: str, **more: Any) -> SmokeResult:
    return SmokeResult(test, canonicalize_name(name), **{"end": "ok", **more})


FACTS = Facts(
    target=TARGET,
    distributions=(dist("pandas", "2.0.3"), dist("numpy", "2.4.6")),
    binaries=tuple(Binary(f"pandas/_libs/{stem}.so", SITE, "", None) for stem in ("algos", "lib", "tslib")),
    smoke=(smoke("numpy", "numpy"), smoke("pandas", "pandas", end="exception")),
)


def finding(code: str = "DEP001", **more: Any) -> Finding:
    values: dict[str, Any] = {
        "severity": Severity.ERROR,
        "confidence": Confidence.PROVEN,
        "message": "needs attrs, which is not installed",
        "distribution": "demo",
        "version": "1.0",
    }
    return Finding(code=code, **{**values, **more})


SEEN = finding(
    "RUN002",
    message="smoke test pandas: the import raised an exception",
    distribution="pandas",
    version="2.0.3",
    symptom=SIZE_CHANGED,
    evidence=(Evidence(f"{SITE}/pandas/__init__.py", "import pandas._libs", 22),),
)
ABI = finding(
    "ABI001",
    message="pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed",
    distribution="pandas",
    version="2.0.3",
    involves=(Involved("numpy", "2.4.6"),),
    subject="numpy",
    symptom=SIZE_CHANGED,
    evidence=(
        Evidence(SITE, "45 of 45 compiled modules that use NumPy's C API"),
        *(Evidence(f"{SITE}/pandas/_libs/m{n:02}.so", "built with NumPy 1.x headers, by Cython") for n in range(14)),
    ),
    fix=(
        Fix("uv pip install --python .venv/bin/python 'pandas>=2.2.2'", ("pandas>=2.2.2",)),
        Fix("uv pip install --python .venv/bin/python 'numpy<2'", ("numpy<2",)),
        Fix("uv pip install --python .venv/bin/python 'numpy==1.26.4'"),
    ),
    explains=(SEEN.fingerprint,),
)
MISSING = finding(
    "DEP001",
    severity=Severity.WARNING,
    confidence=Confidence.PREDICTED,
    message="demo 1.0 needs attrs>=22, which is not installed",
    symptom="ModuleNotFoundError: No module named 'attr'",
    location=Location("/home/ada/project/requirements.txt", 12),
)
GAPS = (
    Gap("ABI", f"{SITE}/odd/core.so", "the file ends before its last segment"),
    Gap("ABI", f"{SITE}/odd/more.so", "the file ends before its last segment"),
    Gap("RUN", "smoke test torch", "needs 6 GiB of memory, 4 GiB are allowed"),
)
IGNORED = Suppressed(
    finding("DEP002", message="old 0.1 needs numpy<2, but 2.4.6 is installed", distribution="old", version="0.1"),
    "ignore DEP002:old (--ignore)",
)


def report(**more: Any) -> Report:
    values: dict[str, Any] = {
        "facts": FACTS,
        "rules": RULES,
        "verdict": "clean",
        "exit_code": 0,
        "findings": (),
        "gaps": (),
        "timings": Timings(0.1234, 4.25),
    }
    return Report(**{**values, **more})


BROKEN = report(verdict="findings", exit_code=1, findings=(ABI, SEEN, MISSING), gaps=GAPS, suppressed=(IGNORED,))
HEALTHY = report(facts=Facts(TARGET, FACTS.distributions, FACTS.binaries, smoke=(smoke("numpy", "numpy"),)))

# What a hostile distribution, file or error text may hold: markup, links, calls, commands, controls, bytes of no text.
NASTY = (
    "a]](http://evil.example) <b onload=x> & \"q\" 'p' @ada `tick` ``` # | * _ \r\n::error::forged%0A##[debug]x"
    "\x1b[2J\x00\u202e\udcff\ufffe ]]> {0} www.evil.example"
)
HOSTILE = report(
    verdict="findings",
    exit_code=1,
    findings=(
        finding(
            "DEP002",
            message=NASTY,
            distribution=NASTY,
            version=NASTY,
            involves=(Involved(NASTY, NASTY),),
            symptom=NASTY,
            evidence=(Evidence(f"/x/{NASTY}", NASTY, 3),),
            fix=(Fix(NASTY, (NASTY,)),),
            location=Location(f"/home/ada/project/{NASTY}/r,e:q.txt", 7),
            explains=(SEEN.fingerprint,),
        ),
        SEEN,
    ),
    gaps=(Gap("DEP", NASTY, NASTY),),
    suppressed=(Suppressed(finding(message=NASTY, distribution=NASTY), NASTY),),
)
INCOMPLETE = report(verdict="incomplete", exit_code=3, gaps=GAPS)
