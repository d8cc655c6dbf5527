"""``envaudit check --list``: what is checked, and what is tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.registry import CHECKS
from envaudit.codes import CODES
from envaudit.smoke import SMOKE_TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator


def lines() -> Iterator[str]:
    """Yield the checks with their codes, then the smoke tests with what each of them needs."""
    for check in CHECKS:
        yield f"{check.name}: {check.purpose}"
        for code in check.codes:
            yield f"    {code}  {CODES.get(code, 'known-bad combinations; `envaudit rules list` lists them')}"
    yield ""
    yield "smoke tests, for what is installed:"
    width = max(len(test.name) for test in SMOKE_TESTS)
    for test in SMOKE_TESTS:
        yield f"    {test.name:<{width}}  {test.purpose}"
