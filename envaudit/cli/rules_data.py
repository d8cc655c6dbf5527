"""``envaudit rules build``, ``diff`` and ``assign``: ship databases, compare them, and give new rules their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.cli.streams import write_file, write_out
from envaudit.errors import EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS, RuleError, UsageError
from envaudit.report.plain import number, plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envaudit.cli.rules_verify import Actions
    from envaudit.rulebook.change import Change, Turned

_PLACEHOLDER = r"EA-0000-[a-z0-9-]+"
_ASSIGNED = r"EA-(20\d\d)-(\d{4})"


def add_actions(actions: Actions) -> None:
    """Add the arguments of the three actions."""
    build = actions.add_parser(
        "build",
        help="put a folder of rules into one file, or a wheel",
        description="Put a folder of sound rules into one file for --rules, or into the wheel of pyenvaudit-rules.",
        allow_abbrev=False,
    )
    build.set_defaults(run=run_build)
    build.add_argument(
        "folder", nargs="?", default="", metavar="DIR", help="default: the rules that ship with envaudit"
    )
    build.add_argument("-o", "--output", metavar="FILE", help="the file to write (default: standard output)")
    build.add_argument("--wheel", metavar="DIR", help="write a wheel of pyenvaudit-rules into this folder instead")
    diff = actions.add_parser(
        "diff",
        help="compare two databases",
        description="Show which rules differ, and which known environments (the sets of all reproducers) are judged "
        "differently; exit with 1 if one is.",
        allow_abbrev=False,
    )
    diff.set_defaults(run=run_diff)
    diff.add_argument("old", metavar="OLD", help="a folder of rules or a built file")
    diff.add_argument("new", metavar="NEW", help="another one")
    diff.add_argument("-f", "--format", choices=("text", "json"), default="text")
    assign = actions.add_parser(
        "assign",
        help="give new rules their ids",
        description="Give each EA-0000-some-words of a folder the next free id of the year: the file is renamed, and "
        "its id and the references to it are changed. No id is ever used again.",
        allow_abbrev=False,
    )
    assign.set_defaults(run=run_assign)
    assign.add_argument("folder", metavar="DIR")


def run_build(options: argparse.Namespace) -> int:
    """Write the built file or the wheel; 2 when there is a mistake in the rules."""
    import json  # noqa: PLC0415 - other commands import this file too

    from envaudit.rulebook import default_folder  # noqa: PLC0415
    from envaudit.rulebook.built import built_text  # noqa: PLC0415
    from envaudit.rulebook.lint import lint_rules  # noqa: PLC0415
    from envaudit.rulebook.load import derived_text, read_rule_text, read_version, rule_paths  # noqa: PLC0415

    folder = options.folder or default_folder()
    problems = lint_rules(folder)
    if problems:
        write_out("".join(f"{plain(str(problem))}\n" for problem in problems))
        return EXIT_ERROR
    version = read_version(folder)
    numpy2 = json.loads(derived_text(folder) or "null")
    text = built_text(version, [(path, read_rule_text(path)) for path in rule_paths(folder)], numpy2)
    if options.wheel is not None:
        _write_wheel(options.wheel, version, text)
    elif options.output:
        write_file(options.output, text)
    else:
        write_out(text)
    return EXIT_CLEAN


def _write_wheel(folder: str, version: str, text: str) -> None:
    from envaudit.rulebook.ship import wheel_bytes, wheel_name  # noqa: PLC0415

    place = Path(folder, wheel_name(version))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(wheel_bytes(version, text))
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror or error}") from error
    write_out(f"{plain(str(place))}\n")


def run_diff(options: argparse.Namespace) -> int:
    """Write what differs; 1 when a known environment is judged differently."""
    from envaudit.rulebook import load_rules  # noqa: PLC0415
    from envaudit.rulebook.change import changes, known_sets, turned  # noqa: PLC0415

    old, new = load_rules([options.old]), load_rules([options.new])
    sets = known_sets((old, new))
    differing = list(changes(old, new))
    verdicts = list(turned(old, new, sets))
    if options.format == "json":
        import json  # noqa: PLC0415

        data = {
            "old": {"version": old.info.version, "digest": old.info.digest},
            "new": {"version": new.info.version, "digest": new.info.digest},
            "rules": [change._asdict() for change in differing],
            "environments": len(sets),
            "verdicts": [{**each._asdict(), "known": each.known._asdict()} for each in verdicts],
        }
        write_out(json.dumps(data, indent=2) + "\n")
    else:
        lines = [*_rule_lines(differing), *_verdict_lines(verdicts)]
        counted = f"{number(len(differing), 'rule')} differ; "
        counted += f"{len(verdicts)} of {number(len(sets), 'known environment')} judged differently"
        write_out("".join(f"{plain(line)}\n" for line in (*lines, counted)))
    return EXIT_FINDINGS if verdicts else EXIT_CLEAN


def _rule_lines(differing: list[Change]) -> Iterator[str]:
    for change in differing:
        yield f"{change.id}  {change.kind}" + (f": {', '.join(change.what)}" if change.what else "")


def _verdict_lines(verdicts: list[Turned]) -> Iterator[str]:
    for each in verdicts:
        yield f"Python {each.known.python}, {' '.join(each.known.pins)} ({each.known.origin})"
        for words, ids in (("no longer", each.no_longer), ("now", each.now)):
            if ids:
                yield f"    {words:<9} {', '.join(ids)}"


def run_assign(options: argparse.Namespace) -> int:
    """Rename every placeholder of a folder, and say what became what."""
    import datetime as dt  # noqa: PLC0415
    import re  # noqa: PLC0415

    from envaudit.rulebook.load import read_rule_text, rule_paths  # noqa: PLC0415

    paths = rule_paths(options.folder)
    year = dt.datetime.now(dt.timezone.utc).year
    taken = [
        int(found[2]) for path in paths if (found := re.fullmatch(_ASSIGNED, Path(path).stem)) and int(found[1]) == year
    ]
    following = max(taken, default=0) + 1
    names = [Path(path).stem for path in paths if re.fullmatch(_PLACEHOLDER, Path(path).stem)]
    new = {name: f"EA-{year}-{following + step:04}" for step, name in enumerate(names)}
    pattern = re.compile(
        "|".join(rf'(?<=["\']){re.escape(name)}(?=["\'])' for name in sorted(new, key=len, reverse=True))
    )
    for path in paths if new else ():
        text = read_rule_text(path)
        changed = pattern.sub(lambda found: new[found[0]], text)
        name = Path(path).stem
        try:
            if changed != text:
                Path(path).write_text(changed, encoding="utf-8")
            if name in new:
                Path(path).rename(Path(path).with_name(f"{new[name]}.toml"))
        except OSError as error:
            raise RuleError(path, "", str(error)) from error
    lines = [f"{name} -> {rule_id}" for name, rule_id in new.items()] or ["no rule waits for an id"]
    write_out("".join(f"{plain(line)}\n" for line in lines))
    return EXIT_CLEAN
