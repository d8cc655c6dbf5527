from __future__ import annotations

from envaudit.rulebook import default_folder, fix_sentence, load_rules, rule_page
from envaudit.rulebook.parse import parse_rule
from envaudit.rulebook.rule import RuleFix
from tests.rulebook.examples import parsed


def test_page_says_everything_a_reader_needs() -> None:
    page = rule_page(parsed(("modified = 2026-11-22", "modified = 2026-11-23")))
    assert page.startswith("# EA-2026-0001: alpha before 2.0 imports a name that beta 3 removed\n")
    for part in (
        "*severity error, api-removal, published 2026-11-22, changed 2026-11-23*",
        "- `alpha<2.0`\n- `beta>=3.0a0`",
        "The import fails:\n\n    ImportError: cannot import name 'old' from 'beta'",
        "- `alpha>=2.0`\n- `beta<3`",
        "- Python 3.11 with `alpha==1.9 beta==3.0.1`: exit status 1",
        "- Python 3.11 with `alpha==2.0 beta==3.0.1`: passes",
        "- everything else as of 2026-11-01",
        "    import alpha",
        "- changelog: <https://example.org/beta/3.0>",
        "- basis: reproduced, origin: hand",
    ):
        assert part in page, part


def test_page_of_other_forms() -> None:
    page = rule_page(
        parsed(
            ('"alpha<2.0"', '"alpha"'),
            ("[match]\n", '[match]\nnone = ["helper"]\nenv = "python_version >= \'3.9\'"\n'),
            ('constraints = ["beta<3"]', 'remove = ["alpha"]\nnote = "then install again"'),
            ("exit = 1", 'exit = "SIGSEGV"'),
            ('"active"', '"draft"'),
            ('origin = "hand"', 'origin = "import:x"\nlicense = "MIT"'),
        )
    )
    for part in (
        "**A draft",
        "`alpha` in any version",
        "without `helper`",
        "where `python_version >= '3.9'`",
        "remove `alpha`: then install again",
        "signal SIGSEGV",
        "license: MIT",
    ):
        assert part in page, part


def test_the_page_of_an_imported_bound_says_that_nobody_has_seen_it() -> None:
    from tests.rulebook.examples import IMPORTED

    rule, _ = parse_rule(IMPORTED, "EA-2026-0001.toml")
    assert rule is not None
    page = rule_page(rule)
    assert (
        "Nobody has seen it happen here: the bound was taken over (import:example/patches@1234567#alpha.yaml)" in page
    )
    assert "- basis: imported, origin: import:example/patches@1234567#alpha.yaml, license: BSD-3-Clause" in page


def test_withdrawn_page_says_so_first() -> None:
    import datetime as dt

    from envaudit.model import replace
    from envaudit.rulebook.rule import Withdrawn

    rule = replace(parsed(), status="withdrawn", withdrawn=Withdrawn(dt.date(2026, 11, 23), "it was wrong"))
    assert "**Withdrawn on 2026-11-23:** it was wrong" in rule_page(rule)


def test_fix_sentences() -> None:
    assert fix_sentence(RuleFix(constraints=("a>=2", "b<3"))) == "a>=2 and b<3"
    assert fix_sentence(RuleFix(remove=("a",), constraints=("b<3",))) == "b<3 and remove a"
    assert fix_sentence(RuleFix(upgrade="subject")) == "upgrade the distribution that is named"


def test_every_rule_that_ships_has_a_page() -> None:
    for rule in load_rules([default_folder()]).rules:
        page = rule_page(rule)
        assert rule.symptom.splitlines()[0] in page
        assert len(page) > 600, rule.id
