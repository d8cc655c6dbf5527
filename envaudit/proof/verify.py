"""Does a rule hold? Its bad set has to fail as declared, and every good set has to pass.

*Rotted* means that the bad set passes, or fails differently: the rule is wrong now. *The world moved* means that a good
set fails: a companion changed, and the reproducer needs new pins.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from envaudit.errors import UsageError
from envaudit.proof.building import Builder, BuildError
from envaudit.proof.probing import Ended, Prober

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from envaudit.rulebook import Reproducer, Rule

    Verdict = Literal["holds", "rotted", "world moved", "not built"]


class Outcome(NamedTuple):
    """What came of one rule: how the bad set and the good sets ended, the environments built, and seconds.

    ``detail`` is what was different from the rule, with the end of the output.
    """

    rule: str
    verdict: Verdict
    bad: str
    good: tuple[str, ...]
    builds: int
    seconds: float
    detail: str = ""


class Verifier:
    """Verifies rules in a scratch folder, which is gone when the ``with`` block ends; also when it is interrupted."""

    def __init__(self) -> None:
        self._builder = Builder()

    def __enter__(self) -> Verifier:  # noqa: PYI034  Self came with Python 3.11
        self._folder = Path(tempfile.mkdtemp(prefix="envaudit-verify-"))
        self._prober = Prober(self._folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._builder.stop()
        self._prober.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def verify_all(self, rules: Sequence[Rule], jobs: int) -> Iterator[Outcome]:
        """Verify rules side by side and yield each outcome as soon as it is there."""
        from concurrent.futures import ThreadPoolExecutor, as_completed  # noqa: PLC0415

        pool = ThreadPoolExecutor(jobs, thread_name_prefix="envaudit-verify")
        try:
            for done in as_completed([pool.submit(self.verify, rule) for rule in rules]):
                yield done.result()
        except BaseException:
            self._builder.stop()
            self._prober.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def verify(self, rule: Rule) -> Outcome:
        """Build and probe every set of a rule, one after the other, and judge.

        Raises ``UsageError`` for a rule that has no sets.
        """
        start = time.monotonic()
        again = _reproducer(rule)
        ended: list[Ended] = []
        verdict: Verdict = "holds"
        detail = ""
        try:
            ended.append(self.run_set(rule, again.bad, again.python))
            wrong = list(_differences(rule, ended[0]))
            if wrong:
                verdict, detail = "rotted", "; ".join(wrong) + "\n" + ended[0].output
            for pins in again.good if not wrong else ():
                ended.append(self.run_set(rule, pins, again.good_python or again.python))
                if ended[-1].exit != 0:
                    verdict, detail = "world moved", f"{' '.join(pins)}\n{ended[-1].output}"
                    break
        except BuildError as error:
            verdict, detail = "not built", str(error)
        bad, *good = [str(each) for each in ended] or [""]
        return Outcome(rule.id, verdict, bad, tuple(good), len(ended), time.monotonic() - start, detail)

    def run_set(self, rule: Rule, pins: Sequence[str], python: str) -> Ended:
        """Build one environment, run the probe of the rule in it, and remove it; raises ``BuildError``."""
        folder = Path(tempfile.mkdtemp(prefix=f"{rule.id}-", dir=self._folder))
        try:
            interpreter = self._builder.build(folder / "env", python, pins, *_options(rule))
            return self._prober.probe(interpreter, _reproducer(rule).probe)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _reproducer(rule: Rule) -> Reproducer:
    if rule.reproducer is None:
        raise UsageError(f"{rule.id} was taken over from {rule.origin} and has no reproducer: nothing to verify")
    return rule.reproducer


def _options(rule: Rule) -> Iterator[str]:
    """Yield the options of the installer: wheels only, as of the day the rule was written."""
    again = _reproducer(rule)
    yield from ("--only-binary", ":all:")
    for name in again.from_source:
        yield from ("--no-binary", name)
    if again.exclude_newer is not None:
        yield from ("--exclude-newer", again.exclude_newer.isoformat())


def _differences(rule: Rule, ended: Ended) -> Iterator[str]:
    """Yield what the bad set did not do that the rule says it does."""
    expect = _reproducer(rule).expect
    if ended.exit == 0 and expect.exit != 0:
        yield "the bad set passes"
    elif ended.exit != expect.exit:
        yield f"ended with {ended.exit} instead of {expect.exit}"
    for index in expect.signature:
        if not rule.signatures[index].recognises(ended.output):
            yield f"signature {index} is not in the output: {rule.signatures[index].regex}"
