"""From a first audit to a baseline to an audit that fails only for what is new, on a real tree of files."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from envaudit import settings
from envaudit.cli import keep, main
from tests.support.trees import Dist, make_distribution, make_venv, site_packages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import FakeAudit


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENVAUDIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(keep, "_STEP", -(10**18))  # keep reports of files that were written a moment ago
    return make_venv(tmp_path, distributions=[Dist("old", "1.0", requires=["absent"]), Dist("fine", "1.0")])


def check(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    code = main(["check", *arguments, "--no-smoke", "-f", "json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_only_what_is_new_fails(venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = tmp_path / "known.json"
    assert main(["baseline", "write", str(venv), "--no-smoke", "-o", str(known)]) == 0
    assert f"1 finding in {known}: known from now on\n" in capsys.readouterr().err
    code, report, err = check(str(venv), "--baseline", str(known), capsys=capsys)
    assert (code, report["findings"], err) == (0, [], "")
    assert [(each["by"], each["finding"]["code"]) for each in report["suppressed"]] == [(f"baseline {known}", "DEP001")]
    assert main(["check", str(venv), "--no-smoke", "--baseline", str(known)]) == 0
    assert "nothing wrong found: " in (text := capsys.readouterr().out)
    assert "1 finding known by the baseline" in text
    time.sleep(0.02)
    make_distribution(site_packages(venv), "new", "1.0", requires=["missing"])
    shutil.rmtree(site_packages(venv) / "old-1.0.dist-info")
    code, report, err = check(str(venv), "--baseline", str(known), capsys=capsys)
    assert code == 1
    assert [each["distribution"] for each in report["findings"]] == ["new"]
    sentence = f"1 finding is in the baseline {known} but no longer there: DEP001 old; write it again"
    assert err == f"envaudit: {sentence}\n"
    assert report["remarks"] == [sentence]


def test_a_remark_is_made_again_of_a_kept_report(
    venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "envaudit.toml").write_text('ignore = ["DEP001:gone", "DEP001:none"]\n', encoding="utf-8")
    _, first, said = check(str(venv), capsys=capsys)
    _, again, said_again = check(str(venv), capsys=capsys)
    assert (first["unchanged_since"], bool(again["unchanged_since"])) == (None, True)
    assert said == said_again
    assert len(said.splitlines()) == 2
    assert said.startswith("envaudit: ignore DEP001:gone leaves nothing out any more; delete it (")


def test_a_changed_baseline_is_noticed(venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = tmp_path / "known.json"
    main(["baseline", "write", str(venv), "--no-smoke", "-q", "-o", str(known)])
    assert capsys.readouterr() == ("", "")
    arguments = [str(venv), "--baseline", str(known)]
    codes = [check(*arguments, capsys=capsys)[0] for _ in range(2)]
    time.sleep(0.02)
    known.write_text(known.read_text().replace('"findings": [', '"findings": [], "x": ['), encoding="utf-8")
    code, _, err = check(*arguments, capsys=capsys)
    assert [*codes, code] == [0, 0, 2]
    assert err == f"envaudit: error: {known}: x: there is no such key\n"


def test_no_report_outlives_an_ignore(
    venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    entry = f'{{code = "DEP001", package = "old", reason = "known", until = {today}}}'
    (tmp_path / "envaudit.toml").write_text(f"ignore = [{entry}]\n", encoding="utf-8")
    assert [check(str(venv), capsys=capsys)[0] for _ in range(2)] == [0, 0]
    monkeypatch.setattr(time, "time", lambda: now + 86400)
    monkeypatch.setattr(settings, "_today", lambda: time.strftime("%Y-%m-%d", time.gmtime(now + 86400)))
    code, report, _ = check(str(venv), capsys=capsys)
    assert (code, report["unchanged_since"]) == (1, None)
    assert report["findings"][0]["evidence"][0]["detail"].startswith(
        f"it was ignored until {today} (known), which is over"
    )


def test_a_file_is_judged_as_the_gate_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements.txt").write_text("pandas==2.0.3\n", encoding="utf-8")
    judged = ["requirements.txt", "--offline", "--python-version", "3.11"]
    assert main(["gate", *judged]) == 1
    assert main(["baseline", "write", *judged, "-o", "known.json", "-q"]) == 0
    assert main(["gate", *judged, "--baseline", "known.json"]) == 0
    assert "1 finding known by the baseline" in capsys.readouterr().out
    (tmp_path / "requirements.txt").write_text("pandas==2.0.2\nnumexpr==2.9.0\n", encoding="utf-8")
    assert main(["gate", *judged, "--baseline", "known.json", "-f", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert {each["distribution"] for each in report["findings"]} == {"numexpr"}
    assert (report["suppressed"][0]["finding"]["distribution"], report["remarks"]) == ("pandas", [])


class TestWrite:
    def test_flags_of_the_gate_are_for_files(self, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["baseline", "write", ".venv", "--offline", "-o", "known.json"]) == 2
        assert "is no requirement or lock file, which these flags are for" in capsys.readouterr().err
        assert fake_audit.settings == []

    def test_a_place_that_cannot_be_is_refused_before_any_work(
        self, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["baseline", "write", "-o", "gone/known.json"]) == 2
        assert capsys.readouterr().err == "envaudit: error: --output gone/known.json: there is no folder gone\n"
        assert main(["baseline", "write"]) == 2
        assert fake_audit.settings == []

    def test_what_was_not_checked_is_told(
        self, fake_audit: FakeAudit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["baseline", "write", "-o", "known.json", "--select", "ABI,DEP,RUN"]) == 0
        assert capsys.readouterr().err.splitlines() == [
            "envaudit: 3 findings in known.json: known from now on",
            "envaudit: what is wrong with the 3 things not checked will be new",
        ]
        codes = [each["code"] for each in json.loads((tmp_path / "known.json").read_text())["findings"]]
        assert codes == ["ABI001", "DEP001", "RUN002"]
        (given,) = fake_audit.settings
        assert given.select == ("ABI", "DEP", "RUN")

    def test_a_crashed_check_leaves_it_incomplete(
        self, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake_audit.report = fake_audit.report._replace(exit_code=3, verdict="incomplete")
        assert main(["baseline", "write", "-o", "known.json"]) == 3
        assert "not all checks could be completed" in capsys.readouterr().err

    def test_what_is_configured_as_baseline_is_not_left_out_of_the_next(
        self, fake_audit: FakeAudit, tmp_path: Path
    ) -> None:
        (tmp_path / "envaudit.toml").write_text('baseline = "known.json"\nstrict = true\n', encoding="utf-8")
        assert main(["baseline", "write", "-o", "known.json"]) == 0
        assert (fake_audit.settings[0].baseline, fake_audit.settings[0].strict) == ("", False)
