"""``LNK003`` and ``LNK004``: names that no library of a module, or not this interpreter, exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command, reinstall
from envaudit.checks.lnk_groups import groups, listed
from envaudit.checks.lnk_words import confidence, no_symbol
from envaudit.linker.names import readable, uses_old_string
from envaudit.model import Evidence, Finding, Fix, Involved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.checks.lnk_groups import Group
    from envaudit.model import Distribution, Facts

_SHOWN = 5  # names of one file in the evidence


def check_symbols(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK003`` and ``LNK004``."""
    for group in groups(facts, lambda file: bool(file.undefined)):
        yield _undefined(facts, group)
    for group in groups(facts, lambda file: bool(file.undefined_python)):
        yield _undefined_python(facts, group)


def _undefined(facts: Facts, group: Group) -> Finding:
    names = list(dict.fromkeys(name for file, _ in group.files for name in file.undefined))
    others = _related(facts, group)
    return Finding(
        code="LNK003",
        severity=group.weight.severity,
        confidence=confidence(facts),
        message=_message(group, names, others),
        subject="undefined",
        distribution=group.key,
        version=group.version,
        involves=tuple(Involved(other.key, other.version) for other in others),
        symptom=group.symptom(no_symbol(facts, names[0], group.first)),
        evidence=tuple(
            Evidence(f"{file.site_dir}/{file.path}", f"nothing exports {_shown(file.undefined)}")
            for file, _ in group.files
        ),
        fix=_fixes(facts, group, others),
    )


def _message(group: Group, names: Sequence[str], others: Sequence[Distribution]) -> str:
    count = "1 symbol" if len(names) == 1 else f"{len(names)} symbols"
    example = readable(names[0])
    foreign = [other for other in others if group.dist is None or other.key != group.dist.key]
    if foreign:
        whose = listed([f"{other.name} {other.version}" for other in foreign])
        text = f"{group.title} was built for another version of {listed([other.name for other in foreign])}: "
        text += f"{count} that it needs {'are' if len(names) > 1 else 'is'} not in {whose}, such as {example}"
    elif others:
        text = f"{group.title} does not fit its own libraries: nothing exports {count}, such as {example}"
    else:
        text = f"{group.title} needs {count} that no library exports, such as {example}"
    if any(uses_old_string(name) for name in names):
        text += " (it was built with the old C++ string ABI, _GLIBCXX_USE_CXX11_ABI=0)"
    return text


def _related(facts: Facts, group: Group) -> list[Distribution]:
    """Return the distributions whose libraries have other names of the same classes and namespaces."""
    owners = {dist.info_path: dist for dist in facts.distributions}
    found = dict.fromkeys(owner for file, _ in group.files for _, owner in file.related)
    return [owners[owner] for owner in found if owner in owners]


def _fixes(facts: Facts, group: Group, others: Sequence[Distribution]) -> tuple[Fix, ...]:
    if group.dist is None:
        return ()
    foreign = [other.name for other in others if other.key != group.dist.key]
    if foreign:
        # Without versions: the installer takes the newest of both, which were released for each other.
        return (Fix(install_command(facts, [group.dist.name, *foreign], reinstall=True)),)
    return (reinstall(facts, group.dist),)


def _undefined_python(facts: Facts, group: Group) -> Finding:
    names = list(dict.fromkeys(name for file, _ in group.files for name in file.undefined_python))
    python = f"{facts.target.implementation} {facts.target.python}"
    stable = any(".abi3." in file.path for file, _ in group.files)
    why = ", although it calls itself abi3, fit for every later Python" if stable else ""
    private = all(name.startswith("_") for name in names)
    return Finding(
        code="LNK004",
        severity=group.weight.severity,
        confidence=confidence(facts),
        message=f"{group.title} was built for another Python{why}: it needs {listed(names)}, "
        f"{'private names ' if private else ''}which {python} does not have",
        subject="python-symbols",
        distribution=group.key,
        version=group.version,
        symptom=group.symptom(no_symbol(facts, names[0], group.first)),
        evidence=tuple(
            Evidence(f"{file.site_dir}/{file.path}", f"the interpreter does not export {_shown(file.undefined_python)}")
            for file, _ in group.files
        ),
        fix=(Fix(install_command(facts, [group.dist.name], reinstall=True)),) if group.dist else (),
    )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
