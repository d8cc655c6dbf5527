"""Hold what the gate predicts from pins against what the audit finds once they are installed, and count.

    python -m tests.e2e.agreement --minutes 20 [--kind abi] [--only ID] [--found FILE] [--gate "--offline"]

For each side of a set of ``combos.jsonl``, the pins are written into a lock file that says names and versions and
nothing else, ``envaudit gate`` judges it for the set's version of Python, and ``envaudit check --no-smoke`` judges the
environment that uv makes of the same pins. Compared are errors and warnings, as pairs of code and distribution. What
either says alone is a disagreement; ``agreement`` is the share of pairs that both say among all that either says.
``sides`` are environments: the same when both say the same of them, also nothing.

Sets are taken in a mixed order, so that whatever time allows is a sample of all kinds. With ``--found FILE``, what was
found in environments is kept there and they are not built again.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from tests.e2e.combos import load_combos
from tests.support.environments import BuildError, build_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FAMILIES = ("ABI", "EA", "DEP", "PLT", "API")
CHANGED_BY_HAND = "files are changed after installing, which no pin says"

Found = dict[str, str]  # "CODE distribution" -> severity


class Side(NamedTuple):
    """One environment: half of a set."""

    id: str
    kind: str
    python: str
    pins: tuple[str, ...]
    build: bool


class Compared(NamedTuple):
    """What was said of one side, before and after installing."""

    side: Side
    gate: Found
    check: Found

    def pairs(self, family: str) -> tuple[set[str], set[str]]:
        """Return what the gate and the audit say, of one family."""
        gate, check = ({each for each in found if family_of(each) == family} for found in (self.gate, self.check))
        return gate, check


def family_of(pair: str) -> str:
    """Return the family of ``CODE distribution``."""
    code = pair.partition(" ")[0]
    return "EA" if code.startswith("EA-") else code[:3]


def sides(combos: Sequence[dict[str, Any]]) -> Iterator[Side]:
    """Yield the environments of the sets, but for those that are changed by hand."""
    for combo in combos:
        if not combo["steps"]:
            yield Side(f"{combo['id']} bad", combo["kind"], combo["python"], tuple(combo["pins"]), combo["build"])
        if combo["good_pins"]:
            python = combo["good_python"] or combo["python"]
            yield Side(f"{combo['id']} good", combo["kind"], python, tuple(combo["good_pins"]), combo["build"])


def predicted(side: Side, options: Sequence[str]) -> Found:
    """Return what the gate says of the pins."""
    with tempfile.TemporaryDirectory(prefix="envaudit-agreement-") as folder:
        lock = Path(folder, "pylock.toml")
        packages = (pin.split("==") for pin in side.pins)
        lock.write_text(
            'lock-version = "1.0"\ncreated-by = "agreement"\n'
            + "".join(f'[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in packages)
        )
        libc = platform.libc_ver()[1].replace(".", "_")
        target = ("--python-version", side.python, "--python-platform", f"manylinux_{libc}_{platform.machine()}")
        return _findings(["gate", str(lock), *target, *options])


def found_in(side: Side) -> Found:
    """Return what the audit says of the pins once they are installed; raises ``BuildError``."""
    scratch = Path(tempfile.mkdtemp(prefix="envaudit-agreement-"))
    try:
        options = ["--no-deps"] + ([] if side.build else ["--only-binary", ":all:"])
        build_environment(scratch / "env", side.python, side.pins, *options)
        return _findings(["check", str(scratch / "env"), "--no-smoke"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _findings(arguments: Sequence[str]) -> Found:
    command = [sys.executable, "-m", "envaudit", *arguments, "--select", ",".join(FAMILIES), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if not done.stdout.startswith("{"):
        raise AssertionError(f"{shlex.join(command)}: exit status {done.returncode}: {done.stderr[-2000:]}")
    findings = json.loads(done.stdout)["findings"]
    found = (finding for finding in findings if finding["severity"] != "note")
    return {f"{each['code']} {canonicalize_name(each['distribution'])}": each["severity"] for each in found}


def compare(
    chosen: Sequence[Side], found: dict[str, Found], options: Sequence[str], *, minutes: float, keep: Path | None
) -> Iterator[Compared]:
    """Judge sides until the time is used up, and print each disagreement."""
    deadline = time.monotonic() + minutes * 60
    for side in chosen:
        if side.id not in found:
            if time.monotonic() > deadline:
                continue
            try:
                found[side.id] = found_in(side)
            except BuildError as error:
                print(f"not built    {side.id}: {(str(error).splitlines() or [''])[-1][:120]}", flush=True)
                continue
            if keep is not None:
                with keep.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps({side.id: found[side.id]}) + "\n")
        one = Compared(side, predicted(side, options), found[side.id])
        _print(one)
        yield one


def _print(one: Compared) -> None:
    for pair in sorted({*one.gate, *one.check}):
        if pair not in one.gate:
            print(f"only check   {one.side.id}: {pair} ({one.check[pair]})", flush=True)
        elif pair not in one.check:
            print(f"only gate    {one.side.id}: {pair} ({one.gate[pair]})", flush=True)
        elif one.gate[pair] != one.check[pair]:
            print(f"severity     {one.side.id}: {pair} gate {one.gate[pair]}, check {one.check[pair]}", flush=True)


def summary(done: Sequence[Compared]) -> str:
    """Count by family of codes, and the sides of each kind."""
    lines = [f"{'family':8}{'both':>8}{'gate':>8}{'check':>8}{'agreement':>11}{'same sides':>14}"]
    for family in (*FAMILIES, "all but API", "all"):
        members = [each for each in FAMILIES if family in {each, "all"} or (family == "all but API" and each != "API")]
        both = gate_only = check_only = same = 0
        for one in done:
            pairs = [one.pairs(each) for each in members]
            both += sum(len(gate & check) for gate, check in pairs)
            gate_only += sum(len(gate - check) for gate, check in pairs)
            check_only += sum(len(check - gate) for gate, check in pairs)
            same += all(gate == check for gate, check in pairs)
        total = both + gate_only + check_only
        share = f"{both / total:.1%}" if total else "-"
        lines.append(
            f"{family:12}{both:4}{gate_only:8}{check_only:8}{share:>11}{f'{same} of {len(done)}':>14}"
            + (f" {same / len(done):.1%}" if done else "")
        )
    kinds = Counter(one.side.kind for one in done)
    lines.append("sides: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each N-th environment of each kind")
    parser.add_argument("--found", type=Path, help="keep what environments showed in this file")
    parser.add_argument("--gate", default="", help="further options of envaudit gate")
    chosen = parser.parse_args()
    combos = [
        combo
        for combo in load_combos()
        if (not chosen.kind or combo["kind"] in chosen.kind) and (not chosen.only or combo["id"] in chosen.only)
    ]
    found: dict[str, Found] = {}
    if chosen.found is not None and chosen.found.exists():
        for line in chosen.found.read_text(encoding="utf-8").splitlines():
            found.update(json.loads(line))
    every = list(sides(combos))
    by_kind = {kind: [side for side in every if side.kind == kind] for kind in sorted({side.kind for side in every})}
    every = [side for group in by_kind.values() for side in group[:: chosen.every]]
    done = list(compare(every, found, shlex.split(chosen.gate), minutes=chosen.minutes, keep=chosen.found))
    print(summary(done))
    print(f"{len(done)} of {len(every)} sides; {sum(bool(combo['steps']) for combo in combos)} more: {CHANGED_BY_HAND}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
