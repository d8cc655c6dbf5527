"""ENV005 to ENV010."""

from __future__ import annotations

from typing import Any

import pytest

from envaudit.checks.env_state import check_state
from envaudit.model import CondaRecord, Facts, Finding, Layout, Script, Severity, SiteDir, TargetProblem, replace
from tests.support.facts import SITE, make_dist, make_facts


def state(facts: Facts, **layout: Any) -> list[Finding]:
    """Return the findings of facts with this around them."""
    return list(check_state(replace(facts, layout=replace(Layout(), **layout))))


def test_a_sound_environment() -> None:
    assert state(make_facts([make_dist("pip", "26.0")])) == []


def test_a_base_of_another_version() -> None:
    problem = TargetProblem("other-base", f"{SITE}/lib", "it was made with python3.10")
    (finding,) = state(make_facts(problems=(problem,)))
    assert (finding.code, finding.severity) == ("ENV005", Severity.ERROR)
    assert finding.fix[0].command.startswith("uv venv --clear /env")


def test_scripts_of_another_place() -> None:
    scripts = (Script("/env/bin/pip", "/old/bin/python"), Script("/env/bin/flask", "/old/bin/python"))
    (finding,) = state(make_facts(), scripts=scripts, activate="/old")
    assert (finding.code, finding.severity, len(finding.evidence)) == ("ENV006", Severity.ERROR, 3)
    assert (
        finding.message == "this environment was made in another place: 2 scripts in it are run by the Python of /old"
    )
    assert finding.fix[0].command == "grep -rlIZF /old /env/bin | xargs -0 sed -i 's|/old|/env|g'"


def test_only_the_activation_script_is_of_another_place() -> None:
    (finding,) = state(make_facts(), activate="/old.d/a b")
    assert (finding.severity, finding.message.rpartition(": ")[2]) == (
        Severity.WARNING,
        "activating it leads to /old.d/a b",
    )
    assert r"s|/old\.d/a b|/env|g" in finding.fix[0].command


def test_pip_over_conda() -> None:
    dist = make_dist("numpy", "2.0.2", installer="pip")
    record = CondaRecord("numpy", "1.26.4", "/env/conda-meta/numpy-1.26.4-0.json", dist.info_path)
    (finding,) = state(make_facts([dist], kind="conda"), conda=(record, record._replace(owner="/gone")))
    assert (finding.code, finding.severity, finding.distribution) == ("ENV007", Severity.WARNING, "numpy")
    assert finding.message == ("numpy 2.0.2 was installed by pip over conda's numpy 1.26.4, and conda does not know")
    assert finding.fix[0].command == (
        "/env/bin/python -m pip uninstall --yes numpy && conda install --prefix /env --force-reinstall numpy=1.26.4"
    )


def test_packages_of_the_system() -> None:
    system = "/usr/lib/python3/dist-packages"
    sites = (SiteDir(SITE), SiteDir("/home/me/.local", "user"), SiteDir(system, "system"))
    dists = [make_dist("own"), *(make_dist(f"s{n}", site_dir=system) for n in range(6))]
    (finding,) = state(make_facts(dists, site_dirs=sites))
    assert (finding.code, finding.severity) == ("ENV008", Severity.NOTE)
    assert finding.message.endswith("of the Python it was made from: s0 1.0, s1 1.0, s2 1.0, s3 1.0 and 2 more")
    assert state(make_facts(dists, site_dirs=sites, kind="interpreter")) == []


@pytest.mark.parametrize(
    ("version", "python", "libc", "platform", "expected"),
    [
        ("22.3.1", "3.12.1", "glibc 2.36", "linux-x86_64", Severity.ERROR),
        ("23.1", "3.12.1", "glibc 2.36", "linux-x86_64", None),
        ("19.2.3", "3.8.18", "glibc 2.36", "linux-x86_64", Severity.WARNING),
        ("20.2.4", "3.8.18", "glibc 2.36", "linux-x86_64", Severity.WARNING),
        ("20.3", "3.8.18", "glibc 2.36", "linux-x86_64", None),
        ("20.2.4", "3.8.18", "", "win-amd64", None),
        ("20.2.4", "3.8.18", "", "macosx-arm64", Severity.WARNING),
        ("21.1.3", "3.9.18", "musl 1.2", "linux-x86_64", Severity.WARNING),
        ("21.2", "3.9.18", "musl 1.2", "linux-x86_64", None),
        ("not a version", "3.9.18", "glibc", "linux-x86_64", None),
        # What venv brings for the oldest Python that is audited.
        ("23.0.1", "3.8.18", "glibc 2.36", "linux-x86_64", None),
    ],
)
def test_old_pips(version: str, python: str, libc: str, platform: str, expected: Severity | None) -> None:
    found = state(make_facts([make_dist("pip", version)], python=python, libc=libc, platform=platform))
    assert [item.severity for item in found] == ([expected] if expected else [])
    if expected is Severity.ERROR:
        assert found[0].fix[0].command == "/env/bin/python -m ensurepip --upgrade"
    elif expected:
        assert found[0].fix[0].command == "/env/bin/python -m pip install --upgrade pip"


def test_everybody_may_write() -> None:
    (finding,) = state(make_facts(), open_folders=((SITE, 0o777), ("/mnt/c/env/Lib/site-packages", 0o777)))
    assert (finding.code, finding.severity) == ("ENV010", Severity.WARNING)
    assert (finding.evidence[0].detail, finding.fix[0].command) == ("permissions 0777", f"chmod -R o-w {SITE}")
