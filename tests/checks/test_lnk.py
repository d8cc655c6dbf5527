"""LNK007: files that are cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.lnk import unknown_loader
from envaudit.model import replace
from tests.support.checks import check_links
from tests.support.facts import make_binary, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import Binary


def _cut(binary: Binary) -> Binary:
    assert binary.facts is not None
    return replace(binary, facts=replace(binary.facts, truncated=True))


def test_cut_files_are_one_finding_a_distribution() -> None:
    scipy = make_dist("scipy", "1.13.1")
    binaries = [_cut(make_binary(scipy, f"scipy/linalg/{name}.so")) for name in ("_fblas", "_flapack")]
    facts = make_facts([scipy], [*binaries, make_binary(scipy, "scipy/ok.so")])
    (finding,) = check_links(facts)
    assert finding.message == "scipy 1.13.1 has 2 compiled files that are cut short"
    assert [item.path.rsplit("/", 1)[1] for item in finding.evidence] == ["_fblas.so", "_flapack.so"]
    assert finding.fix[0].command.endswith("--reinstall --no-deps scipy==1.13.1")


def test_a_cut_file_without_a_distribution_is_reported_too() -> None:
    dist = make_dist("x")
    (finding,) = check_links(make_facts([], [_cut(make_binary(dist, "x/a.so"))]))
    assert (finding.distribution, finding.fix) == ("x", ())


def test_whole_files_and_unread_ones_are_not_accused() -> None:
    dist = make_dist("x")
    binary = make_binary(dist, "x/a.so")
    assert list(check_links(make_facts([dist], [binary, replace(binary, facts=None)]))) == []


def test_other_systems_are_said_to_be_unchecked() -> None:
    dist = make_dist("x")
    binary = make_binary(dist, "x/a.so")
    (gap,) = unknown_loader(make_facts([dist], [binary], platform="freebsd-amd64"))
    assert (gap.code, gap.what) == ("LNK", "/env")
    assert list(unknown_loader(make_facts([dist], [replace(binary, facts=None)], platform="freebsd-amd64"))) == []
    for platform in ("linux-x86_64", "macosx-arm64", "win-amd64"):
        assert list(unknown_loader(make_facts([dist], [binary], platform=platform))) == []
