"""Python and platform: whether what is installed was made for this interpreter and this machine (``PLT``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command, reinstall
from envaudit.checks.tags import Fit, fits, supported_summary
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Severity
from envaudit.plain_versions import holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Binary, Distribution, Facts, Target

# name.cpython-311-x86_64-linux-gnu.so, name.cp311-win_amd64.pyd, name.pypy310-pp73-x86_64-linux-gnu.so; abi3 and
# plain suffixes name no Python and fit any.
_SUFFIX = re.compile(
    r"^(?P<module>[^.]+)\.(?P<tag>(?:cpython-(?P<cpython>\d{2,3}t?)d?|cp(?P<windows>\d{2,3}t?)d?"
    r"|pypy(?P<pypy>\d{2,3})-pp\d+))(?:-(?P<platform>[A-Za-z0-9_-]+))?\.(?:so|pyd)$"
)
_ANY_PYTHON = re.compile(r"^(?P<module>[^.]+)(?:\.abi3)?\.(?:so|pyd)$")
_SHOWN = 3


def check_platform(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``PLT001`` and ``PLT002``."""
    for dist in facts.visible().values():
        yield from _requires_python(facts, dist)
        yield from _wheel_tags(facts, dist)


def _requires_python(facts: Facts, dist: Distribution) -> Iterator[Finding | Gap]:
    """Hold Requires-Python against the target's Python."""
    if not dist.requires_python:
        return
    # Installers compare the release alone, so that 3.14.0rc1 is a 3.14.
    python = ".".join(re.findall(r"\d+", facts.target.python)[:3])
    if python.count(".") >= 2 and holds(dist.requires_python, python):
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  for what a look cannot decide

    try:
        wanted = SpecifierSet(dist.requires_python)
    except InvalidSpecifier:
        yield Gap(
            "PLT001", f"{dist.name} {dist.version}", f"Requires-Python is not a specifier: {dist.requires_python}"
        )
        return
    admitted = wanted.contains(python, prereleases=True)
    if python.count(".") < 2 and admitted != wanted.contains(f"{python}.999", prereleases=True):
        yield Gap("PLT001", f"{dist.name} {dist.version}", f"needs Python {wanted}, and only {python} is known of it")
        return
    if admitted:
        return
    yield Finding(
        code="PLT001",
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} needs Python {wanted}, but this is Python {python}",
        subject="requires-python",
        distribution=dist.key,
        version=dist.version,
        symptom="a SyntaxError or ImportError as soon as it uses what this Python does not have",
        evidence=(Evidence(dist.metadata_path or dist.info_path, f"Requires-Python: {dist.requires_python}"),),
        # Without a version: the installer then chooses a release that is made for this Python.
        fix=(Fix(install_command(facts, [dist.name], reinstall=True)),),
    )


def _wheel_tags(facts: Facts, dist: Distribution) -> Iterator[Finding | Gap]:
    """Look for one tag of the WHEEL file that the target supports."""
    if not dist.wheel_tags:
        return
    fit = fits(dist.wheel_tags, facts.target)
    if fit is Fit.YES:
        return
    tags = ", ".join(dist.wheel_tags[:_SHOWN]) + (" ..." if len(dist.wheel_tags) > _SHOWN else "")
    supported = supported_summary(facts.target)
    if fit is Fit.UNKNOWN:
        yield Gap("PLT002", f"{dist.name} {dist.version} ({tags})", f"the platform is not fully known: {supported}")
        return
    harmless = _only_misnamed(facts, dist)
    yield Finding(
        code="PLT002",
        severity=Severity.WARNING if harmless else Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} "
        + (
            "has a WHEEL file that names another Python, although nothing in it depends on one"
            if harmless
            else "was installed from a wheel for another Python or platform"
        ),
        subject="wheel-tags",
        distribution=dist.key,
        version=dist.version,
        symptom="pip check and uv pip check call it incompatible"
        if harmless
        else f"ModuleNotFoundError or ImportError from the compiled modules of {dist.name}",
        evidence=(
            Evidence(f"{dist.info_path}/WHEEL", f"made for: {tags}"),
            Evidence(facts.target.prefix, f"supported here: {supported}"),
        ),
        fix=() if harmless else (reinstall(facts, dist),),
    )


def _only_misnamed(facts: Facts, dist: Distribution) -> bool:
    """Say whether only the tag is wrong: the platform fits, and no compiled file names an interpreter.

    Some projects rename a finished wheel to ``py3-none`` and leave the tags inside as they were (xgboost 1.6).
    """
    platforms = {f"py3-none-{tag.split('-', 2)[2]}" for tag in dist.wheel_tags or () if tag.count("-") >= 2}
    own = [binary for binary in facts.binaries if binary.owner == dist.info_path]
    tied = any(_SUFFIX.match(binary.path.rsplit("/", 1)[-1]) for binary in own)
    # A system without a machine ("macosx", as in lightgbm 3.3.5) fits no machine, and says nothing about one.
    unnamed = {f"py3-none-{facts.target.platform.partition('-')[0]}"}
    return not tied and (platforms == unnamed or fits(sorted(platforms), facts.target) is Fit.YES)


def check_suffixes(facts: Facts) -> Iterator[Finding]:
    """Yield ``PLT003``: extension modules that this Python never looks at, and that nothing beside them replaces."""
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    foreign: dict[str, list[Binary]] = {}
    fitting: dict[str, int] = {}
    strangers = [binary for binary in facts.binaries if _is_foreign(binary, facts.target)]
    if not strangers:
        return
    others = set(strangers)
    own = [binary for binary in facts.binaries if binary not in others]
    for binary in own:
        if ".libs/" not in binary.path:
            fitting[binary.owner] = fitting.get(binary.owner, 0) + 1
    loadable = frozenset(_module_path(binary) for binary in own if not binary.missing)
    for binary in strangers:
        replaced = binary.has_source or _module_path(binary) in loadable
        if binary.owner in owners and not replaced:
            foreign.setdefault(binary.owner, []).append(binary)
    for owner, binaries in foreign.items():
        yield _foreign_finding(facts, owners[owner], binaries, fitting.get(owner, 0))


def _foreign_finding(facts: Facts, dist: Distribution, binaries: list[Binary], fitting: int) -> Finding:
    first = binaries[0]
    match = _SUFFIX.match(first.path.rsplit("/", 1)[-1])
    assert match is not None
    count = "1 extension module" if len(binaries) == 1 else f"{len(binaries)} extension modules"
    module = _module_path(first).replace("/", ".")
    return Finding(
        code="PLT003",
        # A stray module among many that fit is what a project's tests or a build left behind (astropy-healpix 1.0.0).
        severity=Severity.WARNING if fitting >= len(binaries) else Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} has {count} built for another Python: "
        f"this is {facts.target.implementation} {facts.target.python} on {facts.target.platform}",
        subject="suffix",
        distribution=dist.key,
        version=dist.version,
        symptom=f"ModuleNotFoundError: No module named '{module}'",
        evidence=tuple(Evidence(f"{b.site_dir}/{b.path}", "not a suffix this Python looks for") for b in binaries),
        fix=(reinstall(facts, dist),),
    )


def _module_path(binary: Binary) -> str:
    folder, _, name = binary.path.rpartition("/")
    match = _SUFFIX.match(name) or _ANY_PYTHON.match(name)
    module = match["module"] if match else name
    return f"{folder}/{module}" if folder else module


def _is_foreign(binary: Binary, target: Target) -> bool:
    """Say whether the file name carries the tag of another interpreter or platform."""
    match = _SUFFIX.match(binary.path.rsplit("/", 1)[-1])
    if match is None:
        return False
    wanted = f"{target.version_info[0]}{target.version_info[1]}"
    if target.implementation.lower() == "pypy":
        return match["pypy"] != wanted
    found = match["cpython"] or match["windows"]
    if found != wanted + ("t" if target.free_threaded else ""):
        return True
    return not _platform_fits(match["platform"] or "", target)


def _platform_fits(platform: str, target: Target) -> bool:
    """Compare the platform part of a suffix (``x86_64-linux-gnu``) with the target; an unknown form fits."""
    if not target.platform:
        return True  # nobody knows
    if platform == "darwin":
        return target.platform.startswith("macosx")
    if platform.startswith("win"):
        return target.platform.startswith("win")
    machine, separator, rest = platform.partition("-linux-")
    if not separator:
        return True
    if not target.platform.startswith("linux"):
        return False
    libc = target.libc.partition(" ")[0]
    # Before 3.11 a CPython on musl called its modules "-linux-gnu" too.
    named = target.version_info >= (3, 11) or libc == "glibc"
    musl_differs = libc in {"glibc", "musl"} and named and rest.startswith("musl") != (libc == "musl")
    # i386 and arm spell their machine in several ways; only the unambiguous ones are compared.
    known = {"x86_64", "aarch64", "ppc64le", "powerpc64le", "s390x", "riscv64"}
    aliases = {"powerpc64le": "ppc64le"}
    machine = aliases.get(machine, machine)
    differs = machine in known and target.machine in known and machine != target.machine
    return not (musl_differs or differs)
