"""What lies around the distributions: leftovers (``INS006``), start-up (``INS007``), shadowing (``INS008``)."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command, reinstall, remove_command, uninstall_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envaudit.model import Distribution, Facts, Hidden, Leftover, StartupFault


def check_around(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``INS006``, ``INS007`` and ``INS008``."""
    by_path = {dist.info_path: dist for dist in facts.distributions}
    for leftover in facts.layout.leftovers:
        yield _leftover(facts, leftover)
    for fault in facts.layout.startup:
        yield _startup(facts, fault, by_path.get(fault.owner))
    yield from _hidden(facts, by_path)


# --- INS006 ---------------------------------------------------------------------------------------------------------


class _Left(NamedTuple):
    severity: Severity
    message: str
    detail: str
    symptom: str


def _leftover(facts: Facts, leftover: Leftover) -> Finding:
    name = leftover.name or os.path.basename(leftover.paths[0])
    about = f"{name} {leftover.version}".strip()
    dist = next((each for each in facts.distributions if each.name == leftover.name), None)
    words = {
        "renamed": _Left(
            Severity.WARNING,
            f"{about} was not removed completely: an upgrade or uninstallation was interrupted",
            "pip moved it aside to delete it",
            _pip_says(leftover),
        ),
        "nspkg": _Left(
            Severity.NOTE,
            f"{about} is not installed, but what it does at every start of Python still is",
            "no distribution lists it",
            "",
        ),
        "emptied": _Left(
            Severity.NOTE,
            f"the folder {name} holds no module and belongs to no distribution",
            "nothing in it but what Python keeps for itself",
            f"import {name} succeeds, and then: AttributeError: module '{name}' has no attribute ...",
        ),
    }[leftover.kind]
    return Finding(
        code="INS006",
        severity=words.severity,
        confidence=Confidence.PROVEN,
        message=words.message,
        subject=f"{leftover.kind}:{leftover.name or os.path.basename(leftover.paths[0])}",
        distribution=dist.key if dist else "",
        symptom=words.symptom,
        evidence=tuple(Evidence(path, words.detail) for path in leftover.paths),
        fix=(Fix(remove_command(facts, leftover.paths)),),
    )


def _pip_says(leftover: Leftover) -> str:
    """Return what every command of pip prints: it looks at folders of metadata alone."""
    infos = [os.path.basename(path) for path in leftover.paths if path.endswith("-info")]
    if not infos:
        return ""
    return f"WARNING: Ignoring invalid distribution {infos[0]} (or: incompletely removed distribution)"


# --- INS007 ---------------------------------------------------------------------------------------------------------


def _startup(facts: Facts, fault: StartupFault, owner: Distribution | None) -> Finding:
    file = os.path.basename(fault.path)
    who = f"{owner.name} {owner.version} makes" if owner is not None else f"{file} makes"
    prints = f"{who} every start of Python print an error"
    editable = owner is not None and bool(owner.editable_path)
    error = f"Error processing line {fault.line} of {facts.target.path_inside(fault.path)}:"
    severity, symptom = Severity.WARNING, error
    if fault.kind == "undecodable":
        severity = Severity.ERROR
        message = f"Python does not start: {file} cannot be read as text"
        symptom = "Fatal Python error: init_import_site: Failed to import the site module\nUnicodeDecodeError"
    elif fault.kind == "customize":
        message = f"{file} is not run at start-up: {fault.detail}"
        symptom = f"Error in {fault.name}; set PYTHONVERBOSE for traceback:"
    elif fault.kind in {"folder", "source"} and owner is not None and editable:
        severity = Severity.ERROR
        message = f"{owner.name} {owner.version} is installed from a folder that does not exist any more"
        symptom = "ModuleNotFoundError, and no other trace: Python passes over the folder in silence"
    elif fault.kind == "folder":
        severity, symptom = Severity.NOTE, ""
        message = f"{file} adds a folder that does not exist, which Python passes over in silence"
    elif fault.kind == "nspkg":
        message = f"{prints}: {file} sets up the package {fault.name}, which is gone"
    elif fault.kind == "syntax":
        message = f"{prints}: a line of {file} is not Python"
    else:
        message = f"{prints}: {file} imports {fault.name}, which is not there"
        symptom = f"{error}\nModuleNotFoundError: No module named '{fault.name}'"
        severity = Severity.ERROR if editable else severity
    return Finding(
        code="INS007",
        severity=severity,
        confidence=Confidence.PROVEN,
        message=message,
        subject=f"{fault.kind}:{file}:{fault.name if fault.kind in {'module', 'source'} else fault.line or ''}",
        distribution=owner.key if owner else "",
        version=owner.version if owner else "",
        symptom=symptom,
        evidence=(Evidence(fault.path, _what(fault), fault.line),),
        fix=_heal(facts, fault, owner),
    )


def _what(fault: StartupFault) -> str:
    if fault.kind == "source":
        return f"{fault.name}: {fault.detail}"
    return f"{fault.name}: {fault.detail}" if fault.kind in {"folder", "syntax"} and fault.name else fault.detail


def _heal(facts: Facts, fault: StartupFault, owner: Distribution | None) -> tuple[Fix, ...]:
    if owner is not None and owner.editable_path:
        again = Fix(uninstall_command(facts, [owner.name]))
        return (again,) if fault.kind in {"folder", "source"} else (*_install_editable(facts, owner), again)
    if owner is not None:
        return (reinstall(facts, owner),)
    if fault.kind == "customize":
        return ()
    if fault.alone or fault.line is None:
        return (Fix(remove_command(facts, [fault.path])),)
    return (Fix(f"sed -i {fault.line}d {shlex.quote(facts.target.path_inside(fault.path))}"),)


def _install_editable(facts: Facts, owner: Distribution) -> tuple[Fix, ...]:
    return (Fix(install_command(facts, ["--editable", facts.target.path_inside(owner.editable_path)])),)


# --- INS008 ---------------------------------------------------------------------------------------------------------


def _hidden(facts: Facts, by_path: Mapping[str, Distribution]) -> Iterator[Finding]:
    """Yield one finding for each file of the working folder, else one for each folder and what it hides."""
    groups: dict[tuple[str, str, str], list[Hidden]] = {}
    for item in facts.layout.hidden:
        if item.place == "cwd":
            yield _by_working_folder(item, by_path.get(item.behind_owner))
        elif item.place == "stdlib":
            groups.setdefault((item.place, item.behind_owner, ""), []).append(item)
        elif _is_same(item, by_path):
            groups.setdefault((item.place, item.folder, "same"), []).append(item)
        else:
            groups.setdefault((item.place, item.folder, item.owner), []).append(item)
    for (place, _, same), items in groups.items():
        if place == "stdlib":
            yield _by_library(facts, items, by_path[items[0].behind_owner])
        elif place == "PYTHONPATH":
            yield _by_variable(items, by_path)
        else:
            yield _by_site(facts, items, by_path, same=same == "same")


def _is_same(item: Hidden, by_path: Mapping[str, Distribution]) -> bool:
    one, other = by_path.get(item.owner), by_path.get(item.behind_owner)
    return one is not None and other is not None and one.key == other.key


def _by_working_folder(item: Hidden, dist: Distribution | None) -> Finding:
    file = os.path.basename(item.path)
    here = "scripts and notebooks run in this folder"
    what = f"{dist.name} {dist.version} is hidden by {file}" if dist else f"{file} hides Python's own {item.name}"
    return Finding(
        code="INS008",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{what} from {here}" if dist is None else f"{what} for {here}",
        subject=f"cwd:{item.name}",
        distribution=dist.key if dist else "",
        version=dist.version if dist else "",
        symptom=f"AttributeError: module '{item.name}' has no attribute ... (or ImportError: cannot import name ...)",
        evidence=(Evidence(item.path, f"found before {item.behind if dist else 'the standard library'}"),),
        fix=(Fix(_rename(item.path)),),
    )


def _rename(path: str) -> str:
    folder, name = os.path.split(path)
    return shlex.join(["mv", path, os.path.join(folder, f"my_{name}")])


def _by_library(facts: Facts, items: list[Hidden], dist: Distribution) -> Finding:
    names = ", ".join(item.name for item in items)
    return Finding(
        code="INS008",
        severity=Severity.NOTE,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} has no effect: Python {facts.target.python} has its own {names}",
        subject="stdlib",
        distribution=dist.key,
        version=dist.version,
        symptom="none, until something puts site-packages in front of the standard library",
        evidence=tuple(Evidence(item.behind, "the standard library comes first on sys.path") for item in items),
        fix=(Fix(uninstall_command(facts, [dist.name])),),
    )


def _by_variable(items: list[Hidden], by_path: Mapping[str, Distribution]) -> Finding:
    folder = items[0].folder
    return Finding(
        code="INS008",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"PYTHONPATH puts {folder} in front, which hides {_names(items, by_path)}",
        subject="PYTHONPATH",
        involves=_involved(items, by_path),
        symptom="another version than the installed one is imported: AttributeError, ImportError, or a wrong result",
        evidence=tuple(Evidence(item.path, f"found before {item.behind}") for item in items),
        fix=(Fix("unset PYTHONPATH"),),
    )


def _by_site(facts: Facts, items: list[Hidden], by_path: Mapping[str, Distribution], *, same: bool) -> Finding:
    dist = by_path.get(items[0].owner)
    first = f"{dist.name} {dist.version}" if dist and not same else ""
    where = "your own folder of packages" if items[0].place == "user" else items[0].folder
    who = f"{first} hides" if first else f"{where} comes first and hides"
    if not first and not same:
        who = f"files of no distribution in {items[0].folder} hide"
    paths = [item.path for item in items]
    fix: tuple[Fix, ...] = () if same else (Fix(remove_command(facts, paths)),)
    if dist is not None and not same:
        fix = (Fix(uninstall_command(facts, [dist.name])),)
    return Finding(
        code="INS008",
        severity=Severity.NOTE if same else Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{who} {_names(items, by_path)}",
        subject=f"{items[0].place}:{'same' if same else 'other'}",
        distribution=dist.key if dist and not same else "",
        version=dist.version if dist and not same else "",
        involves=_involved(items, by_path),
        symptom="" if same else "AttributeError or ImportError: one of the two is never imported",
        evidence=tuple(Evidence(item.path, f"found before {item.behind}") for item in items),
        fix=fix,
    )


def _names(items: Iterable[Hidden], by_path: Mapping[str, Distribution]) -> str:
    """Name what is hidden, each distribution once."""
    names: dict[str, None] = {}
    for item in items:
        dist = by_path.get(item.behind_owner)
        names[f"{dist.name} {dist.version}" if dist else f"Python's own {item.name}"] = None
    shown = list(names)
    more = f" and {len(shown) - 4} more" if len(shown) > 5 else ""
    return ", ".join(shown[: 4 if more else 5]) + more


def _involved(items: Iterable[Hidden], by_path: Mapping[str, Distribution]) -> tuple[Involved, ...]:
    dists = {item.behind_owner: by_path[item.behind_owner] for item in items if item.behind_owner in by_path}
    return tuple(Involved(dist.key, dist.version) for dist in dists.values())
