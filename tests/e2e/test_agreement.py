"""The gate predicts from pins what the audit finds once they are installed; ``agreement`` counts it on all sets."""

from __future__ import annotations

import pytest

from tests.e2e.agreement import FAMILIES, Compared, Side, found_in, predicted, sides, summary
from tests.e2e.combos import load_combos

SETS = ("Bottleneck-1.3.7-on-numpy2", "flask-2.2.2-werkzeug-3", "robust-laplacian-0.2.7-on-numpy2")


@pytest.mark.network
@pytest.mark.parametrize("name", SETS)
def test_what_is_predicted_is_found(name: str) -> None:
    both = list(sides([combo for combo in load_combos() if combo["id"] == name]))
    assert len(both) == 2
    for side in both:
        found = found_in(side)
        deep = Compared(side, predicted(side, ["--deep"]), found)
        assert deep.gate == deep.check, "severities too"
        assert ("error" in found.values()) == side.id.endswith("bad")
        plain = Compared(side, predicted(side, []), found)
        assert not any(gate - check for gate, check in map(plain.pairs, FAMILIES)), "nothing that is not found"


def test_what_either_says_alone_lowers_the_agreement() -> None:
    side = Side("a bad", "abi", "3.11", ("a==1",), build=False)
    done = [
        Compared(side, {"ABI001 a": "error"}, {"ABI001 a": "error"}),
        Compared(side, {"EA-2026-0001 a": "error"}, {"ABI001 a": "error", "API001 a": "error"}),
    ]
    rows = {line.split("  ")[0]: line.split() for line in summary(done).splitlines()}
    assert rows["ABI"][1:5] == ["1", "0", "1", "50.0%"]
    assert rows["EA"][1:5] == ["0", "1", "0", "0.0%"]
    assert rows["all but API"][3:7] == ["1", "1", "1", "33.3%"]
    assert rows["all"][1:8] == ["1", "1", "2", "25.0%", "1", "of", "2"]


def test_sets_that_are_changed_by_hand_are_left_out() -> None:
    combos = load_combos()
    by_hand = {combo["id"] for combo in combos if combo["steps"]}
    assert by_hand
    names = {side.id for side in sides(combos)}
    assert not {f"{name} bad" for name in by_hand} & names
    assert len(names) == 2 * len(combos) - len(by_hand)
