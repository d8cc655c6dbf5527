"""``LNK001``: libraries that the loader does not find."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command, python_to_name, reinstall
from envaudit.checks.lnk_groups import Weight, groups, listed
from envaudit.checks.lnk_packages import HEADLESS, OF_CUDA, OF_DRIVERS, OF_TORCH, OF_TORCH_CUDA, ON_INDEX, SYSTEM
from envaudit.checks.lnk_words import confidence, not_found, short
from envaudit.model import Evidence, Finding, Fix, Involved, Severity
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.checks.lnk_groups import Group
    from envaudit.model import Distribution, Facts, LinkedFile


def check_missing(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK001`` for each distribution with modules that ask for libraries nobody has."""
    for group in groups(facts, lambda file: bool(file.missing)):
        asked = [name for file, _ in group.files for name, _ in file.missing]
        names = [short(name) for name in asked]
        by_driver = all(OF_DRIVERS.match(name) for file, _ in group.files for name, _ in file.missing)
        weight = group.weight
        if by_driver and weight.severity is Severity.ERROR:
            weight = Weight(Severity.WARNING, weight.symptom)
        if _lost(facts, group, names):
            weight = Weight(Severity.ERROR, weight.symptom)
        elif facts.target.platform.startswith("win") and weight.severity is Severity.ERROR and not _of_a_python(names):
            # No list of what Windows has is complete; what the package itself has brought was asked for above.
            weight = Weight(Severity.WARNING, weight.symptom)
        yield Finding(
            code="LNK001",
            severity=weight.severity,
            confidence=confidence(facts),
            message=_message(facts, group, names, by_driver=by_driver),
            subject="missing",
            distribution=group.key,
            version=group.version,
            involves=_involved(facts, group, names),
            symptom=group.symptom(not_found(facts, asked[0], group.first)),
            evidence=tuple(_evidence(facts, file) for file, _ in group.files),
            fix=tuple(_fixes(facts, group, names)),
        )


def _message(facts: Facts, group: Group, names: list[str], *, by_driver: bool) -> str:
    text = f"{group.title} needs {listed(names)}, which the loader does not find"
    if by_driver:
        return f"{text}: it comes with the driver of the graphics card"
    torch = _torch(facts)
    if torch is not None and any(OF_TORCH_CUDA.match(name) for name in names):
        return f"{text}: it was built for a PyTorch with CUDA, and torch {torch.version} has none"
    if torch is not None and any(OF_TORCH.match(name) for name in names):
        return f"{text}: it was built for another PyTorch than torch {torch.version}"
    if all(OF_CUDA.match(name) or OF_DRIVERS.match(name) for name in names):
        return f"{text}: {'it is' if len(set(names)) == 1 else 'they are'} part of NVIDIA's CUDA toolkit"
    return text


def _of_a_python(names: list[str]) -> bool:
    """Whether the library of another Python is among the names: the target's own counts as found."""
    return any(re.fullmatch(r"python\d{2,3}t?(?:_d)?\.dll", name.lower()) for name in names)


def _lost(facts: Facts, group: Group, names: list[str]) -> bool:
    """Say whether the distribution has brought the library itself: then it is damaged, whatever its import needs."""
    dist = facts.visible().get(normalised(group.key))
    return dist is not None and any(
        short(entry.path).lower() in {name.lower() for name in names} for entry in dist.binaries
    )


def _involved(facts: Facts, group: Group, names: list[str]) -> tuple[Involved, ...]:
    torch = _torch(facts)
    if torch is None or group.key == "torch" or not any(OF_TORCH.match(name) for name in names):
        return ()
    return (Involved("torch", torch.version),)


def _evidence(facts: Facts, file: LinkedFile) -> Evidence:
    path = f"{file.site_dir}/{file.path}"
    parts = []
    for name, asks in file.missing:
        other = _other_machine(facts, file, short(name))
        parts.append(name + (f" (for {short(asks)})" if asks != path else "") + other)
    return Evidence(path, f"not found: {', '.join(dict.fromkeys(parts))}")


def _other_machine(facts: Facts, file: LinkedFile, name: str) -> str:
    """Say so when the distribution has the library, for another machine: on Linux the loader passes it over, too."""
    for binary in facts.binaries:
        if binary.owner == file.owner and binary.facts and short(binary.path).lower() == name.lower():
            machine = binary.facts.machine
            return f", which is there for {machine} only" if machine != facts.target.machine else ""
    return ""


def _fixes(facts: Facts, group: Group, names: list[str]) -> Iterator[Fix]:
    if group.key in HEADLESS and any(name in SYSTEM for name in names):
        yield Fix(install_command(facts, [HEADLESS[group.key]]))
    packages = [SYSTEM[name] for name in dict.fromkeys(names) if name in SYSTEM]
    if packages:
        yield Fix(f"apt-get install {' '.join(dict.fromkeys(each.debian for each in packages))}")
        yield Fix(f"dnf install {' '.join(dict.fromkeys(each.fedora for each in packages))}")
    on_index = sorted({ON_INDEX[name] for name in names if name in ON_INDEX})
    if on_index:
        yield Fix(install_command(facts, on_index))
    torch = _torch(facts)
    if group.dist and torch is not None and any(OF_TORCH_CUDA.match(name) for name in names):
        python = shlex.quote(python_to_name(facts))
        yield Fix(
            f"uv pip install --python {python} --reinstall --no-deps --torch-backend cpu "
            f"{group.dist.name}=={group.version.partition('+')[0]}"
        )
    elif group.dist and any(_is_own(group.dist, name) for name in names):
        yield reinstall(facts, group.dist)


def _is_own(dist: Distribution, name: str) -> bool:
    """Whether a distribution lists a library of this name: then it was there, and installing it again brings it."""
    return any(short(entry.path).lower() == name.lower() for entry in dist.binaries)


def _torch(facts: Facts) -> Distribution | None:
    return next((dist for dist in facts.distributions if dist.key == "torch" and not dist.hidden_by), None)
