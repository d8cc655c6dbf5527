"""The page of a rule: what ``envaudit explain EA-...`` shows, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.rulebook.rule import Reproducer, Rule, RuleFix

_IMPACT = {
    "import-error": "the import fails",
    "crash": "the process dies",
    "exception": "a call fails",
    "wrong-result": "the results are wrong, silently",
    "performance": "it becomes slow",
    "install-error": "the installation fails",
    "install-corruption": "the installation is damaged",
    "warning": "a warning is printed",
}
_UNSEEN = "Nobody has seen it happen here: the bound was taken over ({}), and is a warning for that reason."


def rule_page(rule: Rule) -> str:
    """Return the whole page, ending in a newline."""
    blocks = [f"# {rule.id}: {rule.title}", *_notice(rule), rule.summary]
    blocks += [f"## When it applies\n\n{_bullets(_conditions(rule))}"]
    impact = ", ".join(_IMPACT.get(word, word) for word in rule.impact)
    blocks += [f"## What you would see\n\n{impact[:1].upper()}{impact[1:]}:\n\n{_code(rule.symptom)}"]
    blocks += [f"## How to fix it\n\n{_bullets(_fix(fix) for fix in rule.fixes)}"]
    again = _sets(rule.reproducer) if rule.reproducer else _UNSEEN.format(rule.origin)
    blocks += [f"## How to see it happen\n\n{again}"]
    blocks += [f"## Evidence\n\n{_bullets(_evidence(rule))}"]
    return "\n\n".join(blocks) + "\n"


def fix_sentence(fix: RuleFix) -> str:
    """Say in words what a fix asks for: ``gensim>=4.3.3``, ``remove opencv-python``."""
    parts = list(fix.constraints)
    if fix.remove:
        parts.append(f"remove {', '.join(fix.remove)}")
    return " and ".join(parts) or "upgrade the distribution that is named"


def _notice(rule: Rule) -> Iterator[str]:
    facts = [f"severity {rule.severity.value}", rule.category, f"published {rule.published}"]
    if rule.modified != rule.published:
        facts.append(f"changed {rule.modified}")
    yield f"*{', '.join(facts)}*"
    if rule.withdrawn is not None:
        yield f"**Withdrawn on {rule.withdrawn.date}:** {rule.withdrawn.reason}"
    elif rule.status != "active":
        yield "**A draft: this rule does not judge yet.**"


def _conditions(rule: Rule) -> Iterator[str]:
    for condition in rule.match.all:
        yield f"`{condition}`" if condition.specifier else f"`{condition.name}` in any version"
    for condition in rule.match.none:
        yield f"without `{condition}`"
    if rule.match.env:
        yield f"on an interpreter where `{rule.match.env}`"


def _fix(fix: RuleFix) -> str:
    parts = [f"`{constraint}`" for constraint in fix.constraints]
    if fix.remove:
        parts.append("remove " + " and ".join(f"`{name}`" for name in fix.remove))
    text = " with ".join(parts) or "upgrade the distribution that is named"
    return f"{text}: {fix.note}" if fix.note else text


def _sets(reproducer: Reproducer) -> str:
    status = reproducer.expect.exit
    ends = f"exit status {status}" if isinstance(status, int) else f"signal {status}"
    good = f"Python {reproducer.good_python or reproducer.python}"
    lines = [f"- Python {reproducer.python} with `{' '.join(reproducer.bad)}`: {ends}"]
    lines += [f"- {good} with `{' '.join(pins)}`: passes" for pins in reproducer.good]
    if reproducer.exclude_newer is not None:
        lines.append(f"- everything else as of {reproducer.exclude_newer}")
    return "\n".join(lines) + "\n\n" + _code(reproducer.probe)


def _evidence(rule: Rule) -> Iterator[str]:
    for evidence in rule.evidence:
        link = f"<{evidence.url}>" if evidence.url else ""
        yield f"{evidence.type}: {' '.join(part for part in (link, evidence.note) if part)}"
    yield f"basis: {rule.basis}, origin: {rule.origin}" + (f", license: {rule.license}" if rule.license else "")


def _bullets(lines: Iterator[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _code(text: str) -> str:
    """Indent by four: a fence could be closed by what stands inside."""
    return "\n".join(f"    {line}" for line in text.rstrip("\n").splitlines())
