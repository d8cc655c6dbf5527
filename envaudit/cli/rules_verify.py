"""``envaudit rules verify``: see rules happen on real wheels."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envaudit.cli.streams import complain, write_out
from envaudit.errors import EXIT_CLEAN, EXIT_FINDINGS, UsageError
from envaudit.report.plain import number, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.proof import Outcome
    from envaudit.rulebook import Rule

    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - what add_subparsers returns

_DESCRIPTION = """\
For each rule, build the set of wheels that it says is bad and those that it says are good, each in a scratch folder
that is removed again, and run its probe in them, in the sandbox. The bad set has to fail as the rule says, the good
ones have to pass. Needs uv and a package index. Exit with 1 if a rule does not hold.

  holds         as the rule says
  rotted        the bad set passes, or fails in another way: the rule is wrong now
  world moved   a good set fails: a companion has changed, the reproducer needs new pins
  not built     a set could not be installed
"""
_SHOWN = 1500  # characters of output of a rule that does not hold


def add_action(actions: Actions) -> None:
    """Add the arguments."""
    parser = actions.add_parser(
        "verify",
        help="see rules happen on real wheels",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("ids", nargs="*", metavar="ID", help="rules to verify; all active ones when none is given")
    parser.add_argument("--rules", metavar="PATH", default="", help="the folder or file (default: what ships)")
    parser.add_argument("--jobs", type=_count, default=2, metavar="N", help="rules at a time (default: 2)")
    parser.add_argument("--results", metavar="FILE", help="add each outcome to this file, one JSON object a line")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave out what --results says of an earlier run: rules that hold and have not changed",
    )
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Verify, and write each outcome as soon as it is there; 1 when a rule does not hold."""
    import json  # noqa: PLC0415

    from envaudit.proof import Verifier  # noqa: PLC0415
    from envaudit.rulebook import default_folder, load_rules  # noqa: PLC0415

    if options.resume and not options.results:
        raise UsageError("--resume continues the run whose outcomes are in --results FILE")
    book = load_rules([options.rules or default_folder()])
    rules = _chosen(book.rules, options.ids)
    known = _known(options.results, rules) if options.resume else {}
    todo = [rule for rule in rules if rule.id not in known]
    start = time.monotonic()
    outcomes: list[Outcome] = []
    if options.format == "text" and known:
        write_out(f"left out: {number(len(known), 'rule')} seen to hold by the earlier run\n")
    with Verifier() as verifier:
        for outcome in verifier.verify_all(todo, options.jobs):
            outcomes.append(outcome)
            if options.results:
                _keep(options.results, outcome, next(rule for rule in todo if rule.id == outcome.rule))
            if options.format == "text":
                write_out("".join(f"{plain(line)}\n" for line in _lines(outcome, len(outcomes), len(todo))))
    holds = sum(outcome.verdict == "holds" for outcome in outcomes)
    if options.format == "json":
        write_out(json.dumps([outcome._asdict() for outcome in outcomes], indent=2) + "\n")
    else:
        builds = number(sum(outcome.builds for outcome in outcomes), "environment")
        write_out(f"{holds} of {number(len(outcomes), 'rule')} hold; {builds} in {time.monotonic() - start:.0f} s\n")
    return EXIT_CLEAN if holds == len(outcomes) else EXIT_FINDINGS


def _chosen(rules: Sequence[Rule], ids: Sequence[str]) -> list[Rule]:
    wanted = {rule_id.upper() for rule_id in ids}
    unknown = wanted - {rule.id.upper() for rule in rules}
    if unknown:
        raise UsageError(f"there is no rule {', '.join(sorted(unknown))}; `envaudit rules list` lists them")
    unseen = [rule.id for rule in rules if rule.id.upper() in wanted and rule.reproducer is None]
    if unseen:
        raise UsageError(f"imported, without a reproducer: {', '.join(unseen)}; `envaudit rules show ID` says whence")
    seen = [rule for rule in rules if rule.reproducer is not None]
    return [rule for rule in seen if (rule.id.upper() in wanted if wanted else rule.status == "active")]


def _lines(outcome: Outcome, done: int, total: int) -> Iterator[str]:
    good = ", ".join(outcome.good) or "-"
    count = f"[{done:>{len(str(total))}}/{total}]"
    ended = f"bad: {outcome.bad or '-'}; good: {good}; {outcome.seconds:.1f} s"
    yield f"{count} {outcome.rule}  {outcome.verdict:<11}  {ended}"
    for line in outcome.detail[-_SHOWN:].splitlines():
        yield f"    | {line}"


def _digest(rule: Rule) -> str:
    """Return what changes when anything of a rule changes but where its file lies."""
    import hashlib  # noqa: PLC0415 - other commands import this file too

    return hashlib.sha256(repr(rule._replace(file="")).encode()).hexdigest()[:16]


def _keep(path: str, outcome: Outcome, rule: Rule) -> None:
    import json  # noqa: PLC0415

    line = json.dumps({**outcome._asdict(), "digest": _digest(rule)}) + "\n"
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        complain(f"warning: the outcome is not kept: {error}")


def _known(path: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the rules that an earlier run has seen to hold, as they are now."""
    import json  # noqa: PLC0415

    if not os.path.exists(path):
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        held = {(row["rule"], row["digest"]) for row in rows if row["verdict"] == "holds"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not the outcomes of an earlier run: {error}") from error
    return {rule.id: True for rule in rules if (rule.id, _digest(rule)) in held}


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
