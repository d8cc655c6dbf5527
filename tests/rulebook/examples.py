"""A sound rule to start from, and the folder to put rules in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.rulebook import Rule

SOUND = '''\
schema = 1
id = "EA-2026-0001"
title = "alpha before 2.0 imports a name that beta 3 removed"
status = "active"
published = 2026-11-22
modified = 2026-11-22
category = "api-removal"
severity = "error"
impact = ["import-error"]
basis = "reproduced"
origin = "hand"
symptom = "ImportError: cannot import name 'old' from 'beta'"
summary = """
alpha 1.x imports a helper from a private module of beta. beta 3 removed that module, alpha 2.0 no longer needs it.
alpha never declared an upper bound, so an installer puts both together
without a word.
"""

[match]
all = ["alpha<2.0", "Beta>=3.0a0"]

[[signature]]
kind = "exception"
exception = "ImportError"
regex = "cannot import name 'old' from 'beta"
context = "alpha/"

[[fix]]
constraints = ["alpha>=2.0"]
[[fix]]
constraints = ["beta<3"]

[reproducer]
python = "3.11"
platform = "linux-x86_64"
exclude_newer = 2026-11-01
bad = ["alpha==1.9", "beta==3.0.1"]
good = [["alpha==2.0", "beta==3.0.1"], ["alpha==1.9", "beta==2.8"]]
probe = "import alpha"
expect = { exit = 1, signature = [0] }

[[evidence]]
type = "changelog"
url = "https://example.org/beta/3.0"
'''

# The same bound, taken over from another database, without anybody having seen it break.
_START, _END = SOUND.index("[reproducer]"), SOUND.index("[[evidence]]")
IMPORTED = (
    (SOUND[:_START] + SOUND[_END:])
    .replace('severity = "error"', 'severity = "warning"')
    .replace('basis = "reproduced"', 'basis = "imported"')
    .replace('origin = "hand"', 'origin = "import:example/patches@1234567#alpha.yaml"\nlicense = "BSD-3-Clause"')
)


def write_rule(folder: Path, text: str = SOUND, name: str = "EA-2026-0001.toml") -> str:
    """Write a rule file (and VERSION) and return its path."""
    folder.mkdir(exist_ok=True)
    (folder / "VERSION").write_text("2026.11.1\n", encoding="utf-8")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def changed(*pairs: tuple[str, str]) -> str:
    """Return the sound rule with parts of its text replaced; each part must be there."""
    text = SOUND
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def parsed(*pairs: tuple[str, str]) -> Rule:
    """Return the sound rule, changed, which must be of good form."""
    from envaudit.rulebook.parse import parse_rule

    rule, problems = parse_rule(changed(*pairs), "EA-2026-0001.toml")
    assert rule is not None, problems
    return rule
