"""Files that somebody has damaged: read, or refused with file and reason, and never anything else."""

from __future__ import annotations

import random

import pytest

from envaudit.errors import RequirementError
from envaudit.gate.select import applying
from envaudit.gate.target import described_target, wishes
from envaudit.requirements import read_requirements
from tests.requirements import locks

TEXTS = {name: locks.lock(name, {"numpy": "2.2.6", "pandas": "2.0.3"}) for name in locks.NAMES} | {
    "pyproject.toml": (
        '[project]\nname = "x"\ndependencies = ["numpy"]\ndynamic = ["version"]\n'
        '[dependency-groups]\nd = [{include-group = "e"}]\ne = ["idna ; python_version > \'3\'"]\n'
    ),
    "environment.yml": "dependencies:\n  - python\n  - pip:\n    - six==1\n    - -e .\n",
    "conda-lock.yml": "package:\n- name: pandas\n  version: 2.0.3\n  manager: pip\n  hash:\n    sha256: ab\n",
    "script.py": '# /// script\n# dependencies = ["rich"]\n# ///\n',
    "requirements.txt": "numpy==1.2 \\\n  --hash=sha256:00\n-e git+https://h/x#egg=y\n./a-1-py3-none-any.whl\n",
}
PIECES = (
    "[", "{", '"', "=", "]", "}", "1", "true", "[]", "{}", "\n", "version", "[[package]]\n", "marker = 1\n", "\\\n",
    "files = 3\n", "dependencies = {a = 1}\n", "hashes = [1]\n", "groups = 1\n", "wheels = [1]\n", "extras = 5\n",
    "source = {url = 5}\n", "resolution-markers = 7\n", "markers = {a = 1}\n", "upload-time = 2020-01-01\n", "- pip:\n",
    "\0", "é", "--", ";", "((((", "extra == 'a'", "dynamic = 1\n",
)  # fmt: skip
TARGET = described_target(wishes(["3.11"], ["linux"])[0], "x", "")


@pytest.mark.parametrize("name", TEXTS)
def test_damaged_files_are_read_or_refused(name: str) -> None:
    chance = random.Random(f"damage of {name}")
    refused = []
    for _ in range(400):
        text = TEXTS[name]
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(text) + 1)
            end = place + chance.choice((0, 0, 0, 1, 5, 20))
            text = text[:place] + chance.choice(("", *PIECES)) + text[end:]
        try:
            applying(read_requirements(name, {}, lambda _, text=text: text.encode()), TARGET)  # type: ignore[misc]
        except RequirementError as error:
            refused.append(error.file)
    assert len(refused) > 10  # else nothing was damaged
    assert set(refused) == {name}
