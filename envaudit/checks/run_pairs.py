"""``RUN012``: packages of which each can be imported, and that fail when one is imported after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model import Confidence, Evidence, Finding, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, SmokeResult

_SAID = 300  # characters of an exception's text
# What says nothing of the two: they may just be too much for the limits of a test.
_NO_PROOF = frozenset({"not-run", "ok", "memory-limit", "timeout", "killed", "output-limit", "process-limit"})


def check_pairs(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for each two packages that fail together, in one order or in both."""
    ends = {result.test: result for result in facts.smoke}
    seen: set[frozenset[str]] = set()
    for result in facts.smoke:
        if result.kind != "pair" or result.end in _NO_PROOF or frozenset(result.alone) in seen:
            continue
        alone = [ends.get(name) for name in result.alone]
        if all(each is not None and each.end == "ok" for each in alone):
            seen.add(frozenset(result.alone))
            yield _finding(facts, result, ends)


def _finding(facts: Facts, result: SmokeResult, ends: dict[str, SmokeResult]) -> Finding:
    first, second = (name.removeprefix("import ") for name in result.alone)
    turned = ends.get(f"import {second}, {first}")
    if turned is None:
        order = f"when {first} is imported before {second}"
    elif turned.end == "ok":
        order = f"when {first} is imported first; {second} first works"
    else:
        order = "in whichever order they are imported"
    visible = facts.visible()
    dist = visible.get(result.distribution)
    others = [each for name in result.alone if (each := ends[name].distribution) != result.distribution]
    involved = tuple(Involved(key, visible[key].version) for key in others if key in visible)
    what = result.signal or f"{result.exception}: {result.error}"[:_SAID] or result.end
    place = result.place
    where = f"; it died in {place.function or 'code'} of {place.library}" if place and not place.is_python else ""
    ended = f"ended after {result.seconds:.1f} s: {result.end}{f' ({result.signal})' if result.signal else ''}{where}"
    seen = f"; seen on {result.kept}, and nothing they need has changed since" if result.kept else ""
    return Finding(
        code="RUN012",
        severity=Severity.ERROR if result.signal else Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{first} and {second} fail in one process with {what}, {order}; each alone works",
        subject=f"test:{result.test}",
        distribution=result.distribution,
        version=dist.version if dist is not None else "",
        involves=involved,
        symptom=f"the process dies, or the notebook's kernel, with {what}",
        evidence=(
            Evidence(facts.target.executable, f"smoke test {result.test} {ended}; {result.trigger}{seen}"),
            *(Evidence(facts.target.executable, f"smoke test {name} ended: ok") for name in result.alone),
        ),
    )
