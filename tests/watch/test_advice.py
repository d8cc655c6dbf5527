"""Names of functions as people read them."""

from __future__ import annotations

import pytest

from envaudit.watch.advice import short_name


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [
        ("deep_two", "deep_two"),
        ("_Z8_inverseIdEiP16tagPyArrayObject", "_inverse"),
        ("_ZL11_linalg_invP7_objectS0_", "_linalg_inv"),
        ("_ZNK2ns5Class6methodEv", "ns::Class::method"),
        ("_ZN2ns5solveIdEvT_", "ns::solve"),
        ("_Z99short", "_Z99short"),
        ("_ZdlPv", "_ZdlPv"),
        ("_Z", "_Z"),
    ],
)
def test_a_mangled_name_is_shown_without_its_types(symbol: str, shown: str) -> None:
    assert short_name(symbol) == shown
