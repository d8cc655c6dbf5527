from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from envaudit import settings as settings_module
from envaudit.errors import ConfigError
from envaudit.model import Severity
from envaudit.setting_kinds import KEYS, Ignore
from envaudit.settings import Settings, load_settings, reject_unknown_rules

if TYPE_CHECKING:
    from pathlib import Path

CODES = ("ABI001", "ABI002", "DEP001", "RUN001")


def load(cwd: Path, environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return load_settings(flags, environ or {}, str(cwd), codes=CODES)


def write(folder: Path, text: str, name: str = "envaudit.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_nearer_places_win(tmp_path: Path) -> None:
    write(tmp_path, 'fail-on = "note"\nformat = "json"\njobs = 2\nselect = ["DEP"]\n')
    environ = {"ENVAUDIT_FORMAT": "text", "ENVAUDIT_JOBS": "3", "ENVAUDIT_SELECT": "RUN"}
    settings = load(tmp_path, environ, jobs="4", select=["ABI001,ABI002", "DEP"])
    assert settings.fail_on is Severity.NOTE
    assert settings.format == "text"
    assert settings.jobs == 4
    assert settings.select == ("ABI001", "ABI002", "DEP")
    assert settings.sources == {
        "fail_on": f"{tmp_path}/envaudit.toml: fail-on",
        "format": "ENVAUDIT_FORMAT",
        "jobs": "--jobs",
        "select": "--select",
    }


def test_every_key_can_be_set_in_a_file_but_output(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        target = "env"
        root = "img"
        python = "python3.11"
        select = ["abi"]
        ignore = ["ABI001", "DEP:Some.Name"]
        baseline = "known.json"
        fail-on = "warning"
        strict = true
        exit-zero = true
        smoke = false
        keyword = "scipy and not fft"
        pairs = true
        verify = true
        timeout = 1.5
        memory-limit = "2GiB"
        jobs = 1
        cache = false
        online = true
        offline = true
        deep = true
        python-version = ["3.11", "3.13"]
        python-platform = ["linux"]
        exclude-newer = "2026-01-01"
        code = ["src", "/abs/a.ipynb"]
        rules = ["extra", "/abs"]
        rules-only = true
        format = "json"
        color = "never"
        quiet = true
        verbose = false
        """,
    )
    settings = load(tmp_path)
    assert settings == Settings(
        target=str(tmp_path / "env"),
        root=str(tmp_path / "img"),
        python="python3.11",
        select=("ABI",),
        ignore=("ABI001", "DEP:some-name"),
        baseline=str(tmp_path / "known.json"),
        fail_on=Severity.WARNING,
        strict=True,
        exit_zero=True,
        cache=False,
        online=True,
        offline=True,
        deep=True,
        python_version=("3.11", "3.13"),
        python_platform=("linux",),
        exclude_newer="2026-01-01",
        verify=True,
        smoke="",
        keyword="scipy and not fft",
        pairs=True,
        smoke_timeout=1.5,
        smoke_memory=2 * 1024**3,
        jobs=1,
        code=(str(tmp_path / "src"), "/abs/a.ipynb"),
        rules=(str(tmp_path / "extra"), "/abs"),
        rules_only=True,
        format="json",
        color="never",
        quiet=True,
        verbose=False,
        sources=settings.sources,
    )
    assert len(settings.sources) == len(KEYS) - 2  # neither output nor step-summary


def test_a_file_cannot_say_what_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path, 'output = "/home/ada/.profile"')
    with pytest.raises(ConfigError, match="output: can only be given as --output or ENVAUDIT_OUTPUT"):
        load(tmp_path)
    assert load(tmp_path, {"ENVAUDIT_OUTPUT": "x.json"}, no_config=True).output == "x.json"
    write(tmp_path, "step-summary = true")
    with pytest.raises(ConfigError, match="can only be given as --step-summary or ENVAUDIT_STEP_SUMMARY"):
        load(tmp_path)


class TestFiles:
    def test_the_nearest_file_upward_is_taken(self, tmp_path: Path) -> None:
        write(tmp_path, "jobs = 1")
        write(tmp_path / "a", "[tool.envaudit]\njobs = 2", "pyproject.toml")
        write(tmp_path / "a" / "b", "[tool.other]\nurl = 'about envaudit'", "pyproject.toml")
        (tmp_path / "a" / "b" / "c").mkdir()
        assert load(tmp_path / "a" / "b" / "c").jobs == 2
        assert load(tmp_path).jobs == 1

    def test_our_own_file_wins_over_pyproject_beside_it(self, tmp_path: Path) -> None:
        write(tmp_path, "jobs = 1")
        write(tmp_path, "[tool.envaudit]\njobs = 2", "pyproject.toml")
        assert load(tmp_path).jobs == 1

    def test_a_project_that_does_not_mention_us_is_not_parsed(self, tmp_path: Path) -> None:
        write(tmp_path, "this is [ no TOML", "pyproject.toml")
        assert load(tmp_path) == Settings()

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        write(tmp_path, 'target = ".venv"\npython = "bin/python"\nrules = ["r"]')
        (tmp_path / "deep").mkdir()
        settings = load(tmp_path / "deep")
        assert settings.target == str(tmp_path / ".venv")
        assert settings.python == str(tmp_path / "bin/python")
        assert settings.rules == (str(tmp_path / "r"),)

    def test_paths_of_flags_are_relative_to_the_folder(self, tmp_path: Path) -> None:
        settings = load(tmp_path, target="env", rules=["a", f"b{os.pathsep}c"])
        assert settings.target == "env"
        assert settings.rules == tuple(str(tmp_path / name) for name in "abc")

    def test_a_given_file_replaces_the_search(self, tmp_path: Path) -> None:
        write(tmp_path, "jobs = 1")
        other = write(tmp_path / "x", "jobs = 9", "other.toml")
        assert load(tmp_path, config="x/other.toml").jobs == 9
        assert load(tmp_path, {"ENVAUDIT_CONFIG": str(other)}).jobs == 9
        assert load(tmp_path, {"ENVAUDIT_NO_CONFIG": "1"}, config=str(other)).jobs == 9

    def test_a_given_pyproject_has_our_table(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x", "[tool.envaudit]\njobs = 3", "pyproject.toml")
        assert load(tmp_path, config=str(file)).jobs == 3
        file.write_text("[project]\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"pyproject.toml: has no \[tool.envaudit\]"):
            load(tmp_path, config=str(file))

    @pytest.mark.parametrize("environ", [{"ENVAUDIT_NO_CONFIG": "yes"}, {}])
    def test_no_config(self, tmp_path: Path, environ: dict[str, str]) -> None:
        write(tmp_path, "jobs = 1")
        settings = load(tmp_path, environ, no_config=not environ)
        assert settings.jobs == 0

    def test_the_variable_is_read_even_when_it_is_no(self, tmp_path: Path) -> None:
        write(tmp_path, "jobs = 1")
        assert load(tmp_path, {"ENVAUDIT_NO_CONFIG": "no"}).jobs == 1
        with pytest.raises(ConfigError, match="ENVAUDIT_NO_CONFIG: must be true or false, not 'perhaps'"):
            load(tmp_path, {"ENVAUDIT_NO_CONFIG": "perhaps"})

    def test_a_missing_given_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"gone.toml: cannot be read: no such file"):
            load(tmp_path, config="gone.toml")

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("a = [", "is not valid TOML"),
            ("a = " + "[" * 100_000, "is not valid TOML"),
            ("tool.envaudit = 3", "tool.envaudit: must be a table"),
        ],
    )
    def test_a_broken_file(self, tmp_path: Path, text: str, sentence: str) -> None:
        write(tmp_path, f"# envaudit\n{text}", "pyproject.toml")
        with pytest.raises(ConfigError, match=sentence):
            load(tmp_path)

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "envaudit.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigError, match="cannot be read: not UTF-8"):
            load(tmp_path)

    def test_a_folder_that_cannot_be_looked_into_holds_no_configuration(self, tmp_path: Path) -> None:
        assert load(tmp_path / ("x" * 300)) == Settings()

    def test_a_named_pipe_blocks_nobody(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "envaudit.toml")
        assert load(tmp_path) == Settings()
        with pytest.raises(ConfigError, match="a named pipe"):
            load(tmp_path, config="envaudit.toml")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("fail_on = 'error'", r"tool.envaudit.fail_on: there is no such key; did you mean fail-on\?"),
        ("zzzz = 1", "tool.envaudit.zzzz: there is no such key$"),
        ("strict = 'yes'", "tool.envaudit.strict: must be true or false, not 'yes'"),
        ("strict = 1", "must be true or false, not 1"),
        (
            "format = 'jsn'",
            r"must be text, json, sarif, junit, github, gitlab or markdown, not 'jsn'; did you mean json\?",
        ),
        ("format = 1", "must be text, json, sarif, junit, github, gitlab or markdown, not 1"),
        ("fail-on = 'eror'", r"must be error, warning or note, not 'eror'; did you mean error\?"),
        ("color = []", "must be auto, always or never"),
        ("timeout = 0", "must be a number of seconds above 0, not 0"),
        ("timeout = nan", "must be a number of seconds above 0"),
        ("timeout = inf", "must be a number of seconds above 0"),
        ("timeout = true", "must be a number of seconds above 0"),
        ("timeout = '3'", "must be a number of seconds above 0"),
        ("jobs = -1", "must be a whole number, 0 or more, not -1"),
        ("jobs = 1.5", "must be a whole number"),
        ("jobs = true", "must be a whole number"),
        ("memory-limit = 4", "is 4 bytes, too little"),
        ("memory-limit = 'lots'", "must be a size such as 4G or 512M, not 'lots'"),
        ("memory-limit = true", "must be a size"),
        ("memory-limit = '99999999999999999999G'", "must be a size"),
        ("select = 'ABI'", "must be a list of texts, not 'ABI'"),
        ("select = ['']", "must be a list of texts"),
        ("rules = [1]", "must be a list of texts"),
        ("target = 1", "must be a text, not 1"),
        ('target = "a\\u0000b"', "must be a text"),
        ("rules = ['~no-such-user-here/x']", "tool.envaudit.rules: "),
        ("quiet = true\nverbose = true", "quiet and verbose exclude each other"),
    ],
)
def test_what_a_file_cannot_say(tmp_path: Path, line: str, sentence: str) -> None:
    write(tmp_path, f"[tool.envaudit]\n{line}\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "pyproject.toml"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ENVAUDIT_FAILON", "error", r"ENVAUDIT_FAILON: there is no such setting; did you mean ENVAUDIT_FAIL_ON\?"),
        ("ENVAUDIT_FAIL_ON", "bad", "ENVAUDIT_FAIL_ON: must be error, warning or note"),
        ("ENVAUDIT_TIMEOUT", "soon", "ENVAUDIT_TIMEOUT: must be a number, not 'soon'"),
        ("ENVAUDIT_JOBS", "1.5", "ENVAUDIT_JOBS: must be a whole number"),
        ("ENVAUDIT_JOBS", "inf", "ENVAUDIT_JOBS: must be a whole number"),
        ("ENVAUDIT_STRICT", "2", "ENVAUDIT_STRICT: must be true or false, not '2'"),
    ],
)
def test_what_a_variable_cannot_say(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("ENVAUDIT_STRICT", " Yes ", "strict", True),
        ("ENVAUDIT_SMOKE", "off", "smoke", ""),
        ("ENVAUDIT_SMOKE", "all", "smoke", "all"),
        ("ENVAUDIT_SMOKE", "yes", "smoke", "auto"),
        ("ENVAUDIT_KEYWORD", "not (scipy or fft)", "keyword", "not (scipy or fft)"),
        ("ENVAUDIT_IGNORE", "ABI001, DEP:x  RUN", "ignore", ("ABI001", "DEP:x", "RUN")),
        ("ENVAUDIT_MEMORY_LIMIT", "1.5 g", "smoke_memory", 3 * 1024**3 // 2),
        ("ENVAUDIT_MEMORY_LIMIT", "512MB", "smoke_memory", 512 * 1024**2),
        ("ENVAUDIT_TIMEOUT", "2.5", "smoke_timeout", 2.5),
        ("ENVAUDIT_RULES", f"/a{os.pathsep}/b", "rules", ("/a", "/b")),
        ("ENVAUDIT_STRICT", "", "strict", False),
        ("ENVAUDIT_DEBUG", "1", "strict", False),
        ("OTHER", "1", "strict", False),
    ],
)
def test_what_a_variable_says(tmp_path: Path, name: str, value: str, field: str, expected: object) -> None:
    assert getattr(load(tmp_path, {name: value}), field) == expected


def test_the_nearer_place_decides_between_quiet_and_verbose(tmp_path: Path) -> None:
    write(tmp_path, "verbose = true")
    settings = load(tmp_path, quiet=True)
    assert settings.quiet
    assert not settings.verbose


class TestIgnoreTables:
    TEXT = """
        ignore = [
            "RUN001",
            {code = "abi", package = "Some.Name", reason = " never imported ", until = 2026-12-31},
            {code = "DEP001", reason = "an accident", until = "2026-10-01"},
        ]
    """

    @pytest.mark.parametrize(
        ("today", "in_force"),
        [
            ("2026-10-01", ("RUN001", "ABI:some-name", "DEP001")),
            ("2026-10-02", ("RUN001", "ABI:some-name")),
            ("2026-12-31", ("RUN001", "ABI:some-name")),
            ("2027-01-01", ("RUN001",)),
        ],
    )
    def test_each_holds_until_its_last_day(
        self, tmp_path: Path, today: str, in_force: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("envaudit.settings._today", lambda: today)
        write(tmp_path, self.TEXT)
        settings = load(tmp_path)
        assert settings.ignore == in_force
        assert settings.ignores == (
            Ignore("ABI:some-name", "never imported", "2026-12-31"),
            Ignore("DEP001", "an accident", "2026-10-01"),
        )

    def test_today_is_a_day(self) -> None:
        assert settings_module._today() >= "2026-01-01"

    def test_a_flag_takes_the_place_of_all(self, tmp_path: Path) -> None:
        write(tmp_path, self.TEXT)
        settings = load(tmp_path, ignore=["DEP"])
        assert (settings.ignore, settings.ignores) == (("DEP",), ())

    @pytest.mark.parametrize(
        ("table", "sentence"),
        [
            ('{code = "ABI001"}', r"ignore: \[0\].reason: is missing; say why ABI001 is ignored"),
            ('{reason = "x"}', r"\[0\].code: is missing"),
            ('{code = "ABI001", reason = "  "}', r"\[0\].reason: must be a text, not '  '"),
            ('{code = "ABI001", reason = 1}', r"\[0\].reason: must be a text, not 1"),
            ('{code = "ABI001", package = "", reason = "x"}', r"\[0\].package: must be a text"),
            ('{code = "ABI001:x", reason = "x"}', r"\[0\].code: must be a code alone"),
            ('{code = "ABI009", reason = "x"}', "there is no code 'ABI009'; did you mean ABI00"),
            ('{code = "ABI001", reason = "x", untl = "x"}', r"\[0\].untl: there is no such key; did you mean until"),
            (
                '{code = "ABI001", reason = "x", until = "soon"}',
                r"\[0\].until: must be a day such as 2026-12-31, not 'soon'",
            ),
            ('{code = "ABI001", reason = "x", until = 2026}', r"\[0\].until: must be a day"),
            ('{code = "ABI001", reason = "x", until = 2026-12-31T00:00:00}', r"\[0\].until: must be a day"),
            ('"DEP", {code = "ABI001"}', r"\[1\].reason: is missing"),
            ("1", "must be a list of texts"),
        ],
    )
    def test_what_is_no_entry(self, tmp_path: Path, table: str, sentence: str) -> None:
        write(tmp_path, f"ignore = [{table}]")
        with pytest.raises(ConfigError, match=sentence):
            load(tmp_path)


class TestCodes:
    @pytest.mark.parametrize("entry", ["ABI", "abi001", "ABI00", "EA", "EA-2026", "EA-2026-0003", "EA-0000-my-rule"])
    def test_known(self, tmp_path: Path, entry: str) -> None:
        assert load(tmp_path, select=[entry]).select[0].upper() == entry.upper()

    @pytest.mark.parametrize("entry", ["AB", "ABI009", "ABJ", "JUP", "EA-26-1", "EB-2026-0001", "A", "ABI001x", "*"])
    @pytest.mark.parametrize("name", ["select", "ignore"])
    def test_a_typo_never_selects_or_ignores_nothing(self, tmp_path: Path, entry: str, name: str) -> None:
        with pytest.raises(ConfigError, match=f"^--{name}: there is no code"):
            load(tmp_path, None, **{name: [entry]})

    def test_a_near_code_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"there is no code 'API001'; did you mean ABI001\?"):
            load(tmp_path, ignore=["api001"])

    @pytest.mark.parametrize(
        ("name", "entry", "sentence"),
        [
            ("select", "ABI:pandas", "only ignore takes CODE:distribution"),
            ("ignore", "ABI:", "there is no distribution after the colon"),
            ("ignore", ":pandas", "there is no code ''"),
        ],
    )
    def test_with_a_distribution(self, tmp_path: Path, name: str, entry: str, sentence: str) -> None:
        with pytest.raises(ConfigError, match=sentence):
            load(tmp_path, None, **{name: [entry]})

    def test_the_codes_that_exist_are_known_by_default(self, tmp_path: Path) -> None:
        assert load_settings({"select": ["ABI001"]}, {}, str(tmp_path)).select == ("ABI001",)

    def test_rules_are_checked_once_they_are_loaded(self) -> None:
        rules = ["EA-2026-0001", "EA-2026-0002"]
        reject_unknown_rules(Settings(select=("EA-2026", "ABI"), ignore=("EA-2026-0002:x", "RUN")), rules)
        settings = Settings(ignore=("EA-2026-0012",), sources={"ignore": "--ignore"})
        with pytest.raises(ConfigError, match=r"^--ignore: there is no rule EA-2026-0012; did you mean EA-2026-0002\?"):
            reject_unknown_rules(settings, rules)
