"""INS004 and INS006 to INS008: what is said of what lies around the distributions, and how bad it is."""

from __future__ import annotations

import pytest

from envaudit.checks.around import check_around
from envaudit.checks.twins import check_twins
from envaudit.model import Facts, Finding, Hidden, Layout, Leftover, Severity, StartupFault, Twin, replace
from tests.support.facts import SITE, make_dist, make_facts


def around(facts: Facts, **layout: object) -> list[Finding]:
    """Return the findings of facts with this around them."""
    found = [*check_around(replace(facts, layout=replace(Layout(), **layout)))]
    assert all(isinstance(item, Finding) for item in found)
    return [item for item in found if isinstance(item, Finding)]


# --- INS004 ---------------------------------------------------------------------------------------------------------


def twins(facts: Facts, *found: Twin) -> list[Finding]:
    return list(check_twins(replace(facts, layout=Layout(twins=found))))


def test_the_files_of_one_version_below_the_metadata_of_another() -> None:
    new = make_dist("numpy", "2.0.2")
    old = make_dist("numpy", "1.26.4", hidden_by=new.info_path)
    seen = (Twin(new.info_path, 900, 900, seen=False), Twin(old.info_path, 300, 900, seen=True))
    (finding,) = twins(make_facts([new, old]), *seen)
    assert (finding.code, finding.severity, finding.version) == ("INS004", Severity.ERROR, "2.0.2")
    assert finding.message == "numpy 2.0.2 is what the files are, but Python sees the metadata of 1.26.4"
    assert [item.detail for item in finding.evidence] == [
        "2.0.2: 900 of 900 files are as its RECORD says",
        "1.26.4: 300 of 900 files are as its RECORD says; the folder lists it first, so importlib.metadata takes it",
    ]
    assert [fix.command.split()[-1] for fix in finding.fix] == ["numpy==2.0.2", "numpy==1.26.4"]


def test_pip_has_to_be_asked_once_for_each_version() -> None:
    new, pip = make_dist("numpy", "2.0.2"), make_dist("pip", "26.0")
    old = [make_dist("numpy", version, hidden_by=new.info_path) for version in ("1.26.4", "1.25.0")]
    (finding,) = twins(make_facts([new, *old, pip]))
    assert finding.fix[0].command.split(" && ") == [
        *["/env/bin/python -m pip uninstall --yes numpy"] * 3,
        "/env/bin/python -m pip install --no-deps numpy==2.0.2",
    ]
    assert finding.message == "numpy is installed as 2.0.2 and in the same folder as 1.26.4, 1.25.0"


def test_one_version_with_two_sets_of_metadata_is_only_a_note() -> None:
    wheel = make_dist("cryptography", "38.0.4")
    egg = make_dist("cryptography", "38.0.4", info_path="/x/cryptography.egg-info", hidden_by=wheel.info_path)
    (finding,) = twins(make_facts([wheel, egg]))
    assert (finding.severity, finding.symptom, finding.fix) == (Severity.NOTE, "", ())


def test_the_same_distribution_in_two_folders_is_normal() -> None:
    venv = make_dist("numpy", "2.0.2")
    system = make_dist("numpy", "1.24.2", site_dir="/usr/lib/python3/dist-packages", hidden_by=venv.info_path)
    assert twins(make_facts([venv, system])) == []


# --- INS006 ---------------------------------------------------------------------------------------------------------


def test_leftovers() -> None:
    facts = make_facts([make_dist("numpy", "2.0.2")])
    paths = (f"{SITE}/~umpy", f"{SITE}/~umpy-1.26.4.dist-info")
    (finding,) = around(facts, leftovers=(Leftover("renamed", paths, "numpy", "1.26.4"),))
    assert (finding.code, finding.severity, finding.distribution) == ("INS006", Severity.WARNING, "numpy")
    assert finding.fix[0].command == f"rm -r '{paths[0]}' '{paths[1]}'"
    assert "numpy 1.26.4 was not removed completely" in finding.message
    (unknown,) = around(facts, leftovers=(Leftover("renamed", (f"{SITE}/~ther",), ""),))
    assert (unknown.distribution, unknown.symptom, unknown.message.split()[0]) == ("", "", "~ther")
    kinds = (Leftover("nspkg", ("/x-nspkg.pth",), "x"), Leftover("emptied", ("/tensorflow",), "tensorflow"))
    notes = around(facts, leftovers=kinds)
    assert [item.severity for item in notes] == [Severity.NOTE, Severity.NOTE]
    assert len({item.fingerprint for item in (finding, unknown, *notes)}) == 4


def test_on_windows_the_command_is_one_of_its_own() -> None:
    facts = make_facts(platform="win-amd64")
    (finding,) = around(facts, leftovers=(Leftover("emptied", ("C:/it's here",), "x"),))
    assert finding.fix[0].command == "Remove-Item -Recurse -Force -LiteralPath 'C:/it''s here'"


# --- INS007 ---------------------------------------------------------------------------------------------------------

PTH = f"{SITE}/a.pth"


@pytest.mark.parametrize(
    ("fault", "owner", "severity", "command"),
    [
        (StartupFault("module", PTH, "m", "there is no module m", 1, alone=True), "", Severity.WARNING, f"rm -r {PTH}"),
        (StartupFault("module", PTH, "m", "", 3), "", Severity.WARNING, f"sed -i 3d {PTH}"),
        (StartupFault("module", PTH, "m", "", 1), "plain", Severity.WARNING, "--no-deps plain==1.0"),
        (StartupFault("module", PTH, "m", "", 1), "linked", Severity.ERROR, "--editable /src"),
        (StartupFault("syntax", PTH, "x = = 3", "", 1, alone=True), "", Severity.WARNING, f"rm -r {PTH}"),
        (StartupFault("nspkg", PTH, "old.space", "", 1, alone=True), "", Severity.WARNING, f"rm -r {PTH}"),
        (StartupFault("folder", PTH, "/no", "it does not exist", 2), "", Severity.NOTE, f"sed -i 2d {PTH}"),
        (StartupFault("folder", PTH, "/src", "it does not exist", 1), "linked", Severity.ERROR, "uninstall"),
        (StartupFault("source", PTH, "pkg", "/src does not exist"), "linked", Severity.ERROR, "uninstall"),
        (StartupFault("undecodable", PTH, "", "byte 0xe9 is no UTF-8", 2), "", Severity.ERROR, "sed -i 2d"),
        (StartupFault("undecodable", PTH, "", "", 2, alone=True), "", Severity.ERROR, f"rm -r {PTH}"),
    ],
)
def test_startup(fault: StartupFault, owner: str, severity: Severity, command: str) -> None:
    dists = {"plain": make_dist("plain"), "linked": make_dist("linked", editable_path="/src")}
    known = fault._replace(owner=dists[owner].info_path) if owner else fault
    (finding,) = around(make_facts(dists.values()), startup=(known,))
    assert (finding.code, finding.severity, finding.distribution) == ("INS007", severity, owner)
    assert command in finding.fix[0].command


def test_sitecustomize_is_somebodys_own_file_and_never_deleted() -> None:
    fault = StartupFault("customize", f"{SITE}/sitecustomize.py", "sitecustomize", "SyntaxError: invalid syntax", 1)
    (finding,) = around(make_facts(), startup=(fault,))
    assert (finding.severity, finding.fix) == (Severity.WARNING, ())
    assert finding.message == "sitecustomize.py is not run at start-up: SyntaxError: invalid syntax"


# --- INS008 ---------------------------------------------------------------------------------------------------------


def _hidden(name: str, place: str, folder: str, owner: str, behind_owner: str) -> Hidden:
    return Hidden(name, place, folder, f"{folder}/{name}.py", owner, "site", f"{SITE}/{name}", behind_owner)  # type: ignore[arg-type]


def test_files_of_the_working_folder() -> None:
    numpy = make_dist("numpy", "2.0.2")
    own = (_hidden("numpy", "cwd", "/work dir", "", numpy.info_path), _hidden("random", "cwd", "/work dir", "", ""))
    first, second = around(make_facts([numpy]), hidden=own)
    assert (first.severity, first.distribution) == (Severity.WARNING, "numpy")
    assert first.message == "numpy 2.0.2 is hidden by numpy.py for scripts and notebooks run in this folder"
    assert first.fix[0].command == "mv '/work dir/numpy.py' '/work dir/my_numpy.py'"
    assert second.message == "random.py hides Python's own random from scripts and notebooks run in this folder"


def test_one_finding_for_a_folder_of_pythonpath() -> None:
    dists = [make_dist(f"d{number}") for number in range(7)]
    items = tuple(_hidden(dist.name, "PYTHONPATH", "/front", "", dist.info_path) for dist in dists)
    (finding,) = around(make_facts(dists), hidden=items)
    assert (finding.severity, len(finding.involves), len(finding.evidence)) == (Severity.WARNING, 7, 7)
    assert finding.message == "PYTHONPATH puts /front in front, which hides d0 1.0, d1 1.0, d2 1.0, d3 1.0 and 3 more"
    assert finding.fix[0].command == "unset PYTHONPATH"


def test_site_folders() -> None:
    first, second = make_dist("PyJWT", "2.8.0"), make_dist("jwt", "1.3.1")
    facts = make_facts([first, second])
    (two,) = around(facts, hidden=(_hidden("jwt", "site", SITE, first.info_path, second.info_path),))
    assert (two.severity, two.distribution, two.message) == (
        Severity.WARNING,
        "pyjwt",
        "PyJWT 2.8.0 hides jwt 1.3.1",
    )
    (nobody,) = around(facts, hidden=(_hidden("jwt", "site", SITE, "", second.info_path),))
    assert nobody.message == f"files of no distribution in {SITE} hide jwt 1.3.1"
    older = make_dist("jwt", "1.0", info_path="/user/jwt-1.0.dist-info", site_dir="/user")
    same = _hidden("jwt", "user", "/user", older.info_path, second.info_path)
    (note,) = around(make_facts([older, second]), hidden=(same,))
    assert (note.severity, note.message) == (
        Severity.NOTE,
        "your own folder of packages comes first and hides jwt 1.3.1",
    )


def test_a_backport_that_python_has_itself() -> None:
    dist = make_dist("enum34", "1.1.10")
    item = Hidden("enum", "stdlib", "/lib", "/lib/enum", "", "site", f"{SITE}/enum", dist.info_path)
    (finding,) = around(make_facts([dist]), hidden=(item,))
    assert (finding.severity, finding.distribution) == (Severity.NOTE, "enum34")
    assert finding.message == "enum34 1.1.10 has no effect: Python 3.11.7 has its own enum"


def test_nothing_around_is_nothing_said() -> None:
    assert around(make_facts([make_dist("a")])) == []
