"""API001, API002 and API003: Python names that one distribution asks of another, and that are not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.declared import applying, lacking_of
from envaudit.checks.fixes import install_command
from envaudit.checks.module_names import fix_for, project_with
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.model import Distribution, Facts
    from envaudit.model_names import MissingName

_PYTHON = "python"
_EVIDENCE_LIMIT = 20
# The release of setuptools whose distutils lost modules for other compilers (its changelog: v74.0.0).
_DISTUTILS_WHOLE = "74"
# So many names are said; the rest is counted.
_NAMED = 3
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([\w.-]+)["']""")


def check_names(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for each distribution and each one that lacks what it asks for."""
    owners = {dist.info_path: dist for dist in facts.distributions}
    visible = {str(key): dist for key, dist in facts.visible().items()}
    groups: dict[tuple[str, str, Severity, str], list[MissingName]] = {}
    asked = {
        missing: _asks_for(facts, owners[missing.owner], missing)
        for missing in facts.names
        if missing.owner in owners and missing.start and missing.at_import and not missing.provider
    }
    extras = _extras_of(facts, owners, asked)
    for missing in facts.names:
        dist = owners.get(missing.owner)
        if dist is None:
            continue
        # Nobody imports a private module by itself: most are for type checkers alone, as PIL._typing is.
        aside = not missing.start and missing.at_import and _is_private(missing.path)
        judged = None if aside else _judge(dist, missing, asked, extras)
        if judged is not None:
            code, severity = judged
            other = missing.provider or missing.absent.partition(".")[0]
            groups.setdefault((missing.owner, code, severity, other), []).append(missing)
    for (owner, code, severity, other), group in groups.items():
        ordered = _ordered(group)
        extra = extras.get((owner, ordered[0].start), "") if code == "API003" else ""
        yield _finding(facts, owners[owner], visible.get(other), code, severity, ordered, extra)


def _extras_of(
    facts: Facts, owners: Mapping[str, Distribution], asked: Mapping[MissingName, tuple[bool, str]]
) -> dict[tuple[str, str], str]:
    """Return the extra that brings a module without which a top-level module cannot be imported, by owner and module.

    What else is missing there may come with it: starlette with the fastapi of an extra ``instruments``. A module called
    as that what is missing (``opentelemetry.instrumentation.fastapi``) is there for it.
    """
    visible = facts.visible()
    extras: dict[tuple[str, str], str] = {}
    for missing, answer in asked.items():
        served = missing.start.rpartition(".")[2]
        answers = [answer]
        if normalised(served) not in visible:
            other = missing._replace(module=served, absent=served, name="")
            answers.append(_asks_for(facts, owners[missing.owner], other))
        for declared, extra in answers:
            if extra and not declared:
                extras.setdefault((missing.owner, missing.start), extra)
    return extras


def _judge(
    dist: Distribution,
    missing: MissingName,
    asked: Mapping[MissingName, tuple[bool, str]],
    extras: Mapping[tuple[str, str], str],
) -> tuple[str, Severity] | None:
    """Say what a missing name means; nothing when another check says it better.

    ``asked`` is what ``_asks_for`` says of modules that nobody has.
    """
    if not missing.at_import:
        return "API002", Severity.NOTE if missing.of_part else Severity.WARNING
    if missing.provider:
        severity = Severity.WARNING if missing.of_part else Severity.ERROR
        return "API001", severity if missing.start else Severity.NOTE
    if not missing.start:
        return None
    if asked[missing][0]:
        return None  # DEP001 says so
    if (missing.owner, missing.start) in extras:
        return "API003", Severity.NOTE
    return "API003", Severity.ERROR if _is_main(dist, missing.start) else Severity.WARNING


def _is_private(path: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in path.split("/"))


def _asks_for(facts: Facts, dist: Distribution, missing: MissingName) -> tuple[bool, str]:
    """Say whether METADATA asks for a distribution that seems to have a module, and the extra that does otherwise."""
    top = missing.absent.partition(".")[0]
    names = {_normal(top), _normal(missing.absent), _normal(project_with(_asked(missing)))}
    extra = ""
    for requirement in dist.requires:
        match = _NAME.match(requirement.strip())
        if match is not None and _normal(match[0]) in names:
            if applying(requirement, facts.target.markers) is not None:
                return True, ""
            of_extra = _EXTRA.search(requirement.partition(";")[2])
            extra = extra or (of_extra[1] if of_extra else "")
    return False, extra


def _asked(missing: MissingName) -> str:
    """Return all that is asked for: of ``from google.cloud import storage`` the module ``google.cloud.storage``."""
    return f"{missing.module}.{missing.name}" if missing.name else missing.module


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower().removeprefix("python-").removeprefix("py-")


def _is_main(dist: Distribution, start: str) -> bool:
    """Whether a top-level module is what users install the distribution for."""
    top = start.partition(".")[0]
    public = [name for name in dist.top_level if not name.startswith("_")]
    return len(public) <= 1 or _normal(top) == _normal(dist.name) or _normal(dist.name) not in map(_normal, public)


def _ordered(group: Sequence[MissingName]) -> list[MissingName]:
    """Put first what fails first: the shortest way, then the order of the files."""
    return sorted(set(group), key=lambda each: (len(each.through), each.start, each.path, each.line, each.name))


def _finding(  # noqa: PLR0917  the parts of one key
    facts: Facts,
    dist: Distribution,
    provider: Distribution | None,
    code: str,
    severity: Severity,
    group: list[MissingName],
    extra: str,
) -> Finding:
    first = group[0]
    other = provider.key if provider is not None else first.provider or first.absent.partition(".")[0]
    lacking = lacking_of(facts, dist) if code == "API003" and not extra else ()
    cause = _cause(dist, extra, lacking) if code == "API003" else ""
    involved = (Involved(provider.name, provider.version),) if provider is not None and provider is not dist else ()
    return Finding(
        code,
        severity,
        Confidence.PROVEN if severity is Severity.ERROR else Confidence.PREDICTED,
        _message(facts, dist, provider, code, group) + cause,
        subject=f"names:{other}" if severity is Severity.ERROR else f"names:{other}:{severity.value}",
        distribution=dist.name,
        version=dist.version,
        involves=involved,
        symptom=symptom_of(first),
        evidence=tuple(_evidence(facts, each) for each in group[:_EVIDENCE_LIMIT]),
        fix=_fix(facts, dist, provider, first, (f"{dist.name}[{extra}]",) if extra else lacking),
    )


def _message(
    facts: Facts, dist: Distribution, provider: Distribution | None, code: str, group: Sequence[MissingName]
) -> str:
    first = group[0]
    who = f"{dist.name} {dist.version}"
    says = _what_lacks(facts, provider, group)
    if code == "API002":
        return f"{who} calls what is not there: {says}"
    if not first.start:
        module = first.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{who} has a module {module} that cannot be imported: {says}"
    return f"{who} fails when {first.start} is imported: {says}"


def _cause(dist: Distribution, extra: str, lacking: Sequence[str]) -> str:
    """Say where a module that nobody has should have come from."""
    if extra:
        return f", which comes with its extra {extra}"
    if lacking:
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        absent = f"what {dist.name} requires and is not installed: {', '.join(lacking[:_NAMED])}{more}"
        return f"; it may belong to {absent}"
    return ", and its metadata does not ask for it"


def _what_lacks(facts: Facts, provider: Distribution | None, group: Sequence[MissingName]) -> str:
    first = group[0]
    names = list(dict.fromkeys(each.dotted for each in group))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    said = ", ".join(names[:_NAMED]) + more
    removed = ""
    if first.removed_in:
        project = "Python" if first.provider == _PYTHON else provider.name if provider is not None else first.provider
        removed = f" ({project} {_series(first.removed_in)} removed {'it' if len(names) == 1 else 'the first'})"
    if first.provider == _PYTHON:
        return f"Python {facts.target.python} has no {said}{removed}"
    if provider is not None:
        return f"{provider.name} {provider.version} has no {said}{removed}"
    return f"no installed distribution has a module {said}{removed}"


def _series(version: str) -> str:
    """Return a release by its short name: ``3.1`` for ``3.1.0``."""
    while version.endswith(".0") and version.count(".") > 1:
        version = version[:-2]
    return version


def symptom_of(missing: MissingName) -> str:
    """Return the last line of the traceback that the user sees."""
    if missing.form == "from" and missing.absent == f"{missing.module}.{missing.name}":
        return f"ImportError: cannot import name '{missing.name}' from '{missing.module}' (unknown location)"
    if missing.absent:
        return f"ModuleNotFoundError: No module named '{missing.absent}'"
    if missing.form == "from":
        return f"ImportError: cannot import name '{missing.name}' from '{missing.module}'"
    module, _, name = missing.dotted.rpartition(".")
    if missing.form == "member":
        return f"AttributeError: '{module.rpartition('.')[2]}' object has no attribute '{name}'"
    return f"AttributeError: module '{module}' has no attribute '{name}'"


def _evidence(facts: Facts, missing: MissingName) -> Evidence:
    path = facts.target.path_inside(f"{missing.site_dir}/{missing.path}")
    if missing.form == "from":
        text = f"from {missing.module} import {missing.name}"
    elif missing.form == "import":
        text = f"import {missing.module}"
    elif missing.form == "member":
        text = f"{missing.module}.{missing.name}, of an object"
    else:
        text = f"{missing.module}.{missing.name}"
    way = f", imported by way of {', '.join((missing.start, *missing.through))}" if missing.through else ""
    instead = f"; use {missing.instead}" if missing.instead else ""
    return Evidence(path, f"{text}{way}{instead}", missing.line)


def _fix(
    facts: Facts, dist: Distribution, provider: Distribution | None, first: MissingName, bringing: tuple[str, ...]
) -> tuple[Fix, ...]:
    """Offer the releases that still had the name, where they are known, and a newer release of who asks for it.

    ``bringing`` are requirements that may bring a missing module.
    """
    newer = f"{dist.name}>{dist.version}"
    upgrade = Fix(install_command(facts, [newer]), (newer,))
    if provider is not None and first.removed_in:
        older = f"{provider.name}<{_series(first.removed_in)}"
        return (Fix(install_command(facts, [older]), (older,)), upgrade)
    if provider is not None and first.absent.partition(".")[0] == "distutils":
        older = f"{provider.name}<{_DISTUTILS_WHOLE}"
        return (Fix(install_command(facts, [older]), (older,)), upgrade)
    if bringing:
        return (Fix(install_command(facts, bringing), bringing),)
    if provider is None and first.absent:
        found = fix_for(facts, _asked(first) if first.provider != _PYTHON else first.absent)
        return found or ((upgrade,) if first.provider == _PYTHON else ())
    return (upgrade,)
