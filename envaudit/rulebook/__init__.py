"""The rules database: known-bad combinations of distributions, as data with evidence and a reproducer."""

from __future__ import annotations

from envaudit.rulebook.load import default_folder, default_rules, load_rules
from envaudit.rulebook.match import Certainty, match_rule, parse_version
from envaudit.rulebook.page import fix_sentence, rule_page
from envaudit.rulebook.rule import Condition, Match, Reproducer, Rule, Rulebook, RuleFix, Signature

__all__ = [
    "Certainty",
    "Condition",
    "Match",
    "Reproducer",
    "Rule",
    "RuleFix",
    "Rulebook",
    "Signature",
    "default_folder",
    "default_rules",
    "fix_sentence",
    "load_rules",
    "match_rule",
    "parse_version",
    "rule_page",
]
