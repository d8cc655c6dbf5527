"""INS001 and INS002: files that are missing or changed."""

from __future__ import annotations

import pytest

from envaudit.checks.importance import counted, use_of
from envaudit.checks.ins import check_installed
from envaudit.model import ChangedFile, ChangedFiles, Facts, Finding, Gap, MetadataProblem, Severity, replace
from tests.support.facts import SITE, make_binary, make_dist, make_facts, make_target

SO = "scipy/linalg/_fblas.cpython-311-x86_64-linux-gnu.so"


def _facts(changed: ChangedFiles, **fields: object) -> Facts:
    dist = make_dist("scipy", "1.13.1", **fields)
    return replace(make_facts([dist]), changed=(replace(changed, owner=dist.info_path),))


def _one(facts: Facts) -> Finding:
    (finding,) = check_installed(facts)
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize(
    ("path", "use"),
    [
        ("pandas/core/frame.py", "module"),
        (SO, "module"),
        ("six.py", "module"),
        ("numpy.libs/libgfortran-040039e1.so.5.0.0", "library"),
        ("torch/lib/libtorch.so", "library"),
        ("certifi/cacert.pem", "data"),
        ("tool/templates/{{name}}/setup.py", "data"),
        ("scipy/integrate/_test_multivariate.cpython-311-x86_64-linux-gnu.so", "spare"),
        ("numpy/_core/_rational_tests.cpython-311-x86_64-linux-gnu.so", "spare"),
        ("pkg/tests/_helper.so", "spare"),
        ("pkg/contest/_core.so", "module"),
        ("pkg/_latest.so", "module"),
        ("pkg/_core.cpython-310-x86_64-linux-gnu.so", "spare"),
        ("pkg/_core.cp311-win_amd64.pyd", "spare"),
        ("pkg/docs/index.html", "spare"),
        ("../../../bin/f2py", "spare"),
        ("pkg-1.0.dist-info/LICENSE", "spare"),
    ],
)
def test_what_a_file_is_for(path: str, use: str) -> None:
    assert use_of(path, make_target()) == use


def test_files_are_counted_by_their_use() -> None:
    assert counted(["data", "module", "module", "spare"]) == (
        "2 modules, 1 data file and 1 file that programs do without"
    )
    assert counted(["library"] * 1200) == "1,200 shared libraries"


@pytest.mark.parametrize(
    ("paths", "severity", "words"),
    [
        (("scipy/a.py", SO), Severity.ERROR, "lacks 2 modules that it was installed with"),
        (("scipy/a.dat",), Severity.WARNING, "lacks 1 data file that"),
        (("scipy/tests/a.py",), Severity.NOTE, "lacks 1 file that programs do without that"),
        (("scipy/a.dat", "scipy/tests/a.py", "scipy/b.py"), Severity.ERROR, "lacks 1 module, 1 data file and 1 file"),
    ],
)
def test_missing_files_are_one_finding_as_bad_as_the_worst(
    paths: tuple[str, ...], severity: Severity, words: str
) -> None:
    finding = _one(_facts(ChangedFiles("", 10, missing=paths)))
    assert (finding.code, finding.severity, finding.distribution) == ("INS001", severity, "scipy")
    assert words in finding.message
    assert len(finding.evidence) == len(paths)
    assert finding.fix[0].command.endswith("--reinstall --no-deps scipy==1.13.1")


def test_a_folder_that_is_gone_is_named_instead_of_its_files() -> None:
    missing = tuple(f"scipy.libs/lib{number}.so" for number in range(30))
    finding = _one(_facts(ChangedFiles("", 90, missing=missing, gone=("scipy.libs",))))
    assert "(the folder scipy.libs is gone)" in finding.message
    assert [(item.path, item.detail) for item in finding.evidence] == [
        (f"{SITE}/scipy.libs", "RECORD lists 30 files in it, and it is not there")
    ]


def test_there_are_only_examples_of_many_missing_files() -> None:
    missing = tuple(f"scipy/m{number}.py" for number in range(30))
    finding = _one(_facts(ChangedFiles("", 90, missing=missing)))
    assert len(finding.evidence) == 11
    assert finding.evidence[-1].detail == "lists 20 more that are not there"


def test_a_release_without_a_valid_version_is_installed_again_without_one() -> None:
    dist = make_dist("odd", "")
    finding = _one(replace(make_facts([dist]), changed=(ChangedFiles(dist.info_path, 1, ("odd/x.py",)),)))
    assert finding.fix[0].command.endswith("--reinstall --no-deps odd")


@pytest.mark.parametrize(("installer", "found"), [("pip", True), ("uv", True), ("debian", False), ("", False)])
def test_a_record_is_missed_where_the_installer_writes_one(installer: str, found: bool) -> None:
    dist = make_dist("six", "1.16.0", has_record=False, installer=installer)
    findings = list(check_installed(make_facts([dist])))
    assert [item.code for item in findings] == (["INS001"] if found else [])
    if found:
        assert isinstance(findings[0], Finding)
        command = findings[0].fix[0].command
        assert command.startswith(f"rm -r {dist.info_path} && ")
        assert command.endswith("six==1.16.0")


def test_a_record_that_cannot_be_read_is_not_missing() -> None:
    problem = MetadataProblem("bad-record", "/x/RECORD", "permission denied")
    dist = make_dist("six", has_record=False, installer="pip", problems=(problem,))
    (gap,) = check_installed(make_facts([dist]))
    assert isinstance(gap, Gap)


@pytest.mark.parametrize(
    ("file", "severity", "words"),
    [
        (ChangedFile("scipy/a.py", "empty", 0, 10), Severity.ERROR, "1 module that is empty"),
        (ChangedFile("scipy/a.py", "zeros", 10, 10), Severity.ERROR, "1 module that is filled with zeros"),
        (ChangedFile("scipy/a.py", "size", 12, 10), Severity.WARNING, "1 module that was changed after"),
        (ChangedFile("scipy/a.py", "content", 10, 10), Severity.WARNING, "1 module that was changed after"),
        (ChangedFile("scipy/a.dat", "empty", 0, 10), Severity.WARNING, "1 data file that is empty"),
        (ChangedFile("scipy/a.dat", "size", 12, 10), Severity.NOTE, "1 data file that was changed after"),
        (ChangedFile("scipy/tests/a.py", "empty", 0, 10), Severity.NOTE, "that is empty"),
        (ChangedFile(SO, "zero-tail", 9999, 9999), Severity.ERROR, "1 module that is filled with zeros at the end"),
        (ChangedFile(SO, "size", 12, 10), Severity.ERROR, "1 module that is no longer what the loader takes"),
        (ChangedFile(SO, "size", 5, 10), Severity.ERROR, "1 module that is cut short"),
    ],
)
def test_changed_files_are_judged_by_what_is_lost(file: ChangedFile, severity: Severity, words: str) -> None:
    finding = _one(_facts(ChangedFiles("", 10, changed=(file,))))
    assert (finding.code, finding.severity) == ("INS002", severity)
    assert words in finding.message


def _with_binary(file: ChangedFile, **fields: object) -> Facts:
    facts = _facts(ChangedFiles("", 10, changed=(file,)))
    binary = make_binary(facts.distributions[0], SO)
    assert binary.facts is not None
    return replace(facts, binaries=(replace(binary, facts=replace(binary.facts, **fields)),))


def test_a_compiled_file_that_is_whole_is_not_accused_of_another_size() -> None:
    finding = _one(_with_binary(ChangedFile(SO, "size", 12, 10), runpath=("$ORIGIN/lib",)))
    assert finding.severity is Severity.NOTE


@pytest.mark.parametrize(("fields", "severity"), [({}, Severity.WARNING), ({"runpath": ("/opt/lib",)}, Severity.NOTE)])
def test_a_run_path_may_have_been_rewritten_in_place(fields: dict[str, object], severity: Severity) -> None:
    assert _one(_with_binary(ChangedFile(SO, "content", 10, 10), **fields)).severity is severity


def test_a_file_cut_short_is_the_cause_of_what_the_loader_says() -> None:
    finding = _one(_with_binary(ChangedFile(SO, "size", 5, 10), truncated=True))
    assert "1 module that is cut short" in finding.message
    cut = Finding("LNK007", Severity.ERROR, finding.confidence, "", subject="truncated", distribution="scipy")
    assert finding.explains == (cut.fingerprint,)


@pytest.mark.parametrize(
    ("installer", "linked", "cleans"), [("uv", True, True), ("uv", False, False), ("pip", True, False)]
)
def test_the_cache_of_uv_is_cleared_where_it_was_changed_too(installer: str, linked: bool, cleans: bool) -> None:
    file = ChangedFile("scipy/a.py", "empty", 0, 10, linked)
    finding = _one(_facts(ChangedFiles("", 10, changed=(file,)), installer=installer))
    assert finding.fix[0].command.startswith("uv cache clean scipy && ") is cleans


def test_files_of_another_release_are_no_changed_files() -> None:
    changed = ChangedFiles("", 9, ("scipy/a.py",), changed=(ChangedFile("scipy/b.py", "size", 1, 2),), stated="2.0")
    assert list(check_installed(_facts(changed))) == []


def test_links_out_of_the_environment_are_a_gap() -> None:
    (gap,) = check_installed(_facts(ChangedFiles("", 9, outside=("scipy/a.py", "scipy/b.py"))))
    assert isinstance(gap, Gap)
    assert (gap.code, gap.what) == ("INS002", f"{SITE}/scipy/a.py, and 1 more")
