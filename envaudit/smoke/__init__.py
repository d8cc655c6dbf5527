"""Try for real what reading cannot decide: small tests with known answers, each in a process that may die.

The only place in envaudit where code of the target runs. One supervisor process per test
(``supervisor.py``) starts the target's interpreter with limits on time, memory and output, kills whatever is left
behind, and reports facts; ``classify`` turns them into a ``SmokeResult``.
"""

from __future__ import annotations

from envaudit.smoke.options import SmokeOptions
from envaudit.smoke.runner import SmokeOutcome, choose, run_smoke
from envaudit.smoke.tests import SMOKE_TESTS, SmokeTest

__all__ = ["SMOKE_TESTS", "SmokeOptions", "SmokeOutcome", "SmokeTest", "choose", "run_smoke"]
