from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.errors import RuleError
from envaudit.rulebook import default_folder
from envaudit.rulebook.lint import lint_rules
from tests.rulebook.examples import SOUND, changed, write_rule

if TYPE_CHECKING:
    from pathlib import Path


def problems(folder: Path) -> list[tuple[str, str]]:
    return [(problem.path, problem.reason) for problem in lint_rules(str(folder))]


def test_the_rules_that_ship_are_sound() -> None:
    assert [str(problem) for problem in lint_rules(default_folder())] == []


def test_a_sound_rule_has_no_problems(tmp_path: Path) -> None:
    write_rule(tmp_path)
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("EA-2026-0001", "EA-26-1", "id", "not of the form"),
        ("EA-2026-0001", "EA-2026-0002", "id", "must be in the file EA-2026-0002.toml"),
        ("alpha before 2.0 imports a name that beta 3 removed", "short", "title", "5 characters"),
        ("symptom = \"ImportError: cannot import name 'old' from 'beta'\"", 'symptom = " "', "symptom", "empty"),
        ("modified = 2026-11-22", "modified = 2026-11-21", "modified", "before 2026-11-22"),
        ('"active"', '"withdrawn"', "status", "[withdrawn]"),
        ('"alpha<2.0"', '"alpha<two"', "match.all[0]", "no version specifier"),
        ('"alpha<2.0"', '"alpha<2.0", "alpha>1"', "match.all", "named twice"),
        ("[match]", '[match]\nenv = "colour"', "match.env", "no environment marker"),
        ("[match]", '[match]\nsubject = "*"', "match.subject", "belong together"),
        ("cannot import name 'old' from 'beta\"\ncontext", 'ImportE"\ncontext', "signature[0].regex", "at least 8"),
        ("cannot import name 'old' from 'beta\"\ncontext", '(unclosed"\ncontext', "signature[0].regex", "no regular"),
        ("signature = [0]", "signature = [1]", "reproducer.expect.signature", "no signature 1"),
        ('python = "3.11"', 'python = "3"', "reproducer.python", "'3' is no Python version"),
        ('probe = "import alpha"', 'probe = " "', "reproducer.probe", "empty"),
        ("exit = 1, signature = [0]", "exit = 0", "reproducer.expect", "nothing would tell"),
        ("exit = 1,", 'exit = "segfault",', "reproducer.expect.exit", "name of a signal"),
        ('bad = ["alpha==1.9"', 'bad = ["alpha==2.0"', "reproducer.bad", "does not match"),
        ('"beta==2.8"', '"beta==3.0"', "reproducer.good[1]", "matches a set that is said to be good"),
        ('constraints = ["beta<3"]', 'constraints = ["beta<4"]', "fix[1]", "does not exclude"),
        ('constraints = ["beta<3"]', 'constraints = ["gamma<4"]', "fix[1]", "does not exclude"),
        ('constraints = ["beta<3"]', 'remove = ["gamma"]', "fix[1]", "does not exclude"),
        ('constraints = ["beta<3"]', 'note = "pray"', "fix[1]", "does not exclude"),
        ('constraints = ["beta<3"]', 'constraints = ["beta<three"]', "fix[1].constraints", "no requirement"),
        ('constraints = ["beta<3"]', 'remove = ["beta; rm"]', "fix[1].remove", "no name"),
        ('url = "https://example.org/beta/3.0"', "", "evidence[0]", "neither an address nor a note"),
        ("https://example", "http://example", "evidence[0].url", "an https address"),
        ('origin = "hand"', 'origin = "hand"\nrelated = ["EA-2026-0009"]', "related", "no rule EA-2026-0009"),
        ("schema = 1", "schema = 1\nextra = 1", "extra", "unknown key"),
    ],
)
def test_each_problem_is_named(tmp_path: Path, old: str, new: str, path: str, reason: str) -> None:
    write_rule(tmp_path, changed((old, new)))
    found = [text for where, text in problems(tmp_path) if where == path]
    assert any(reason in text for text in found), problems(tmp_path)


def test_a_summary_too_short_for_a_page(tmp_path: Path) -> None:
    start, end = SOUND.index("alpha 1.x imports"), SOUND.index("alpha never declared")
    write_rule(tmp_path, SOUND[:start] + SOUND[end:])
    assert problems(tmp_path) == [("summary", "87 characters, a page needs 120")]


def test_all_problems_of_a_file_and_of_the_others_are_told(tmp_path: Path) -> None:
    write_rule(tmp_path, changed(('severity = "error"', 'severity = "bad"'), ('basis = "reproduced"\n', "")))
    write_rule(tmp_path, "schema = [", "EA-2026-0002.toml")
    (tmp_path / "EA-2026-0003.toml").mkdir()
    assert [where for where, _ in problems(tmp_path)] == ["severity", "basis", "", ""]


def test_an_id_used_twice_and_a_folder_without_version(tmp_path: Path) -> None:
    write_rule(tmp_path)
    write_rule(tmp_path, SOUND, "EA-2026-0002.toml")
    (tmp_path / "VERSION").write_text("soon", encoding="utf-8")
    text = [f"{where}: {reason}" for where, reason in problems(tmp_path)]
    assert any("no version such as" in line for line in text)
    assert any("is also the id of EA-2026-0001.toml" in line for line in text)


@pytest.mark.parametrize(
    "fix",
    ['remove = ["alpha"]', 'upgrade = "subject"', 'constraints = ["helper>=1"]', 'constraints = ["gamma<4", "beta<3"]'],
)
def test_fixes_that_leave_the_bad_set(tmp_path: Path, fix: str) -> None:
    text = changed(('constraints = ["beta<3"]', fix), ("[match]\n", '[match]\nnone = ["helper"]\n'))
    write_rule(tmp_path, text)
    assert problems(tmp_path) == []


def test_a_rule_about_python_has_good_sets_on_another_python(tmp_path: Path) -> None:
    text = changed(
        ('all = ["alpha<2.0", "Beta>=3.0a0"]', 'all = ["alpha<2.0"]\nenv = "python_version >= \'3.11\'"'),
        ('constraints = ["beta<3"]', 'note = "use Python 3.10"'),
        ('python = "3.11"', 'python = "3.11"\ngood_python = "3.10"'),
        ('good = [["alpha==2.0", "beta==3.0.1"], ["alpha==1.9", "beta==2.8"]]', 'good = [["alpha==1.9"]]'),
    )
    write_rule(tmp_path, text)
    assert problems(tmp_path) == []
    write_rule(tmp_path, text.replace('good_python = "3.10"', 'good_python = "3.12"'))
    assert [where for where, _ in problems(tmp_path)] == ["reproducer.good[0]"]


def test_a_rule_withdrawn_before_it_was_published(tmp_path: Path) -> None:
    table = '\n[withdrawn]\ndate = 2026-11-01\nreason = "wrong"\n'
    write_rule(tmp_path, SOUND.replace('"active"', '"withdrawn"') + table)
    assert [where for where, _ in problems(tmp_path)] == ["withdrawn.date"]


def test_a_rule_by_facts_needs_no_bad_set_that_matches(tmp_path: Path) -> None:
    facts = '[match]\nsubject = "*"\nfacts = ["numpy_capi == \'1\'"]\n'
    write_rule(tmp_path, changed(("[match]\n", facts), ('bad = ["alpha==1.9"', 'bad = ["gamma==1.0"')))
    assert "reproducer.bad" not in [where for where, _ in problems(tmp_path)]


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(RuleError):
        lint_rules(str(tmp_path / "absent"))
