"""The state of an environment: moved, written by two tools, open to everybody, with an old pip (``ENV005`` ff.)."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command, make_again, python_to_name
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import CondaRecord, Distribution, Facts

_EVIDENCE = 20
# The drives of Windows as its Linux sees them: every file of theirs may be written by everybody.
_WINDOWS_DRIVE = re.compile(r"/mnt/[a-z]/")


def check_state(facts: Facts) -> Iterator[Finding]:
    """Yield ``ENV005`` to ``ENV010``."""
    yield from _other_base(facts)
    yield from _moved(facts)
    for record in facts.layout.conda:
        yield from _two_tools(facts, record)
    yield from _of_the_system(facts)
    yield from _old_pip(facts)
    for path, mode in facts.layout.open_folders:
        if not _WINDOWS_DRIVE.match(path):
            yield _open_folder(facts, path, mode)


def _other_base(facts: Facts) -> Iterator[Finding]:
    """Yield ``ENV005``: the packages of the environment are for the Python that was there before."""
    for problem in facts.target.problems:
        if problem.kind == "other-base":
            yield Finding(
                code="ENV005",
                severity=Severity.ERROR,
                confidence=Confidence.PROVEN,
                message=problem.detail,
                subject="other-base",
                symptom="ModuleNotFoundError for everything that was installed before",
                evidence=(Evidence(problem.path, problem.detail),),
                fix=(Fix(make_again(facts)),),
            )


# --- ENV006 ---------------------------------------------------------------------------------------------------------


def _moved(facts: Facts) -> Iterator[Finding]:
    scripts, activate = facts.layout.scripts, facts.layout.activate
    if not scripts and not activate:
        return
    prefix = facts.target.path_inside(facts.target.prefix)
    before = activate or os.path.dirname(os.path.dirname(scripts[0].python))
    count = "a script" if len(scripts) == 1 else f"{len(scripts)} scripts"
    what = f"{count} in it are run by the Python of {before}" if scripts else f"activating it leads to {before}"
    evidence = [Evidence(script.path, f"#!{script.python}") for script in scripts[:_EVIDENCE]]
    if activate:
        evidence.insert(0, Evidence(f"{facts.target.prefix}/bin/activate", f"VIRTUAL_ENV={activate}"))
    old, new = (text.replace("\\", "\\\\").replace("|", "\\|").replace("&", "\\&") for text in (before, prefix))
    pattern = old.replace(".", "\\.").replace("[", "\\[").replace("*", "\\*")
    search = shlex.join(["grep", "-rlIZF", before, f"{prefix}/bin"])
    yield Finding(
        code="ENV006",
        severity=Severity.ERROR if scripts else Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"this environment was made in another place: {what}",
        subject="moved",
        symptom=f"bad interpreter: {scripts[0].python}: No such file or directory, or the packages of another place"
        if scripts
        else "after activation, python and pip are those of another place",
        evidence=tuple(evidence),
        fix=(
            Fix(f"{search} | xargs -0 {shlex.join(['sed', '-i', f's|{pattern}|{new}|g'])}"),
            Fix(make_again(facts)),
        ),
    )


# --- ENV007, ENV008 -------------------------------------------------------------------------------------------------


def _two_tools(facts: Facts, record: CondaRecord) -> Iterator[Finding]:
    dist = next((dist for dist in facts.distributions if dist.info_path == record.owner), None)
    if dist is None:
        return
    prefix = facts.target.path_inside(facts.target.prefix)
    back = shlex.join(["conda", "install", "--prefix", prefix, "--force-reinstall", f"{record.name}={record.version}"])
    pip = shlex.join([python_to_name(facts), "-m", "pip", "uninstall", "--yes", dist.name])
    yield Finding(
        code="ENV007",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} was installed by {dist.installer} over conda's {record.name} "
        f"{record.version}, and conda does not know",
        subject="conda",
        distribution=dist.key,
        version=dist.version,
        symptom="the next conda install mixes the files of both",
        evidence=(
            Evidence(dist.info_path, f"{dist.version}, INSTALLER: {dist.installer}"),
            Evidence(record.path, f"conda believes that {record.version} is there"),
        ),
        fix=(Fix(f"{pip} && {back}"),),
    )


def _of_the_system(facts: Facts) -> Iterator[Finding]:
    """Yield ``ENV008`` for each folder outside of a virtual environment that it takes distributions from."""
    if facts.target.kind != "venv":
        return
    for site in facts.target.site_dirs:
        if site.origin not in {"system", "user"}:
            continue
        there = [dist for dist in facts.visible().values() if dist.site_dir == site.path]
        if not there:
            continue
        whose = "your own folder of packages" if site.origin == "user" else "the Python it was made from"
        names = ", ".join(f"{dist.name} {dist.version}" for dist in there[:4])
        more = f" and {len(there) - 4} more" if len(there) > 4 else ""
        yield Finding(
            code="ENV008",
            severity=Severity.NOTE,
            confidence=Confidence.PROVEN,
            message=f"this environment also takes packages of {whose}: {names}{more}",
            subject=site.origin,
            involves=tuple(Involved(dist.key, dist.version) for dist in there[:_EVIDENCE]),
            symptom="an update of the system, or sudo pip, changes what runs here",
            evidence=(
                Evidence(f"{facts.target.prefix}/pyvenv.cfg", "include-system-site-packages = true"),
                Evidence(site.path, _installers(there)),
            ),
        )


def _installers(dists: list[Distribution]) -> str:
    by_pip = sum(dist.installer in {"pip", "uv"} for dist in dists)
    return f"{len(dists)} distributions seen here, {by_pip} of them installed by pip or uv, the others by the system"


# --- ENV009 ---------------------------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """What pip has known since a release; ``matters`` says for which targets."""

    since: str
    what: str
    severity: Severity
    libc: str = ""
    python: tuple[int, int] = (0, 0)
    system: str = ""
    symptom: str = ""


_PASSED_OVER = "pip passes over the wheels of current releases: it builds from source, or takes an old release"
# Each tried with the releases on both sides of it. 23.1 no longer uses pkgutil.ImpImporter, which Python 3.12 removed;
# 20.3 has PEP 600 and macOS 11, 19.3 PEP 599, 21.2 PEP 656 (each named in pip's own NEWS).
_PIP_KNOWS = (
    _Known("23.1", "", Severity.ERROR, python=(3, 12), symptom="AttributeError: module 'pkgutil' has no attribute ..."),
    _Known("19.3", "manylinux2014", Severity.WARNING, libc="glibc", symptom=_PASSED_OVER),
    _Known("20.3", "manylinux_2_17 and later", Severity.WARNING, libc="glibc", symptom=_PASSED_OVER),
    _Known("21.2", "musllinux", Severity.WARNING, libc="musl", symptom=_PASSED_OVER),
    _Known("20.3", "macOS 11 and later", Severity.WARNING, system="macosx", symptom=_PASSED_OVER),
)


def _old_pip(facts: Facts) -> Iterator[Finding]:
    """Yield ``ENV009`` when the pip of the environment is too old for this Python or for the wheels of today."""
    pip = facts.visible().get("pip")  # type: ignore[call-overload]  # a normalised name
    version = parse_version(pip.version) if pip is not None else None
    if pip is None or version is None:
        return
    target = facts.target
    missing = [
        known
        for known in _PIP_KNOWS
        if _is_older(pip.version, known.since)
        and target.libc.startswith(known.libc)
        and target.version_info >= known.python
        and target.platform.startswith(known.system)
    ]
    if not missing:
        return
    worst = min(missing, key=lambda known: known.severity.rank)
    tags = ", ".join(known.what for known in missing if known.what)
    runs = not any(known.severity is Severity.ERROR for known in missing)
    yield Finding(
        code="ENV009",
        severity=worst.severity,
        confidence=Confidence.PROVEN,
        message=f"pip {pip.version} does not know wheels for {tags}"
        if runs
        else f"pip {pip.version} does not run on Python {target.python}",
        subject="pip",
        distribution=pip.key,
        version=pip.version,
        symptom=worst.symptom,
        evidence=tuple(
            Evidence(
                pip.info_path,
                f"pip {known.since} is the first that knows {known.what}"
                if known.what
                else f"pip {known.since} is the first that runs on Python 3.12",
            )
            for known in missing
        ),
        fix=(Fix(_upgrade(facts, runs=runs)),),
    )


def _is_older(version: str, since: str) -> bool:
    one, other = parse_version(version), parse_version(since)
    return one is not None and other is not None and one < other


def _upgrade(facts: Facts, *, runs: bool) -> str:
    if runs:
        return install_command(facts, ["--upgrade", "pip"])
    return shlex.join([python_to_name(facts), "-m", "ensurepip", "--upgrade"])


# --- ENV010 ---------------------------------------------------------------------------------------------------------


def _open_folder(facts: Facts, path: str, mode: int) -> Finding:
    inside = facts.target.path_inside(path)
    return Finding(
        code="ENV010",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message="every user of this machine may write into site-packages, and what lies there runs at each start",
        subject="open",
        symptom="none; a .pth file put there by anybody runs as whoever starts Python",
        evidence=(Evidence(path, f"permissions {mode:04o}"),),
        fix=(Fix(shlex.join(["chmod", "-R", "o-w", inside])),),
    )
