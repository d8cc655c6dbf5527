"""An interpreter that is only to be started is found by a glance, and is the one that a whole look finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envaudit.errors import TargetError
from envaudit.locate import TargetRequest, locate, program_at_a_glance

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ELF files are looked for")


@pytest.mark.parametrize("how", ["argument", "program", "variable"])
def test_a_glance_and_a_look_agree(how: str, tmp_path: Path) -> None:
    place = {"argument": sys.prefix, "program": sys.executable, "variable": None}[how]
    request, environ = TargetRequest(None, place), {"VIRTUAL_ENV": sys.prefix}
    seen = program_at_a_glance(request, environ, str(tmp_path))
    assert seen in {"", locate(request, environ, str(tmp_path)).executable}
    assert seen or not Path(sys.prefix, "pyvenv.cfg").exists()


def test_what_a_glance_does_not_show_is_left_to_a_look(tmp_path: Path) -> None:
    script = tmp_path / "python3"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert not program_at_a_glance(TargetRequest(None, str(script)), {}, str(tmp_path))
    assert not program_at_a_glance(TargetRequest(None, str(tmp_path)), {}, str(tmp_path))
    with pytest.raises(TargetError, match="does not exist"):
        program_at_a_glance(TargetRequest(), {"VIRTUAL_ENV": str(tmp_path / "gone")}, str(tmp_path))
