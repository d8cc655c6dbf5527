"""RUN001 to RUN013: how smoke tests ended, who is blamed, and what belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name

from envaudit.checks.run import check_smoke
from envaudit.model import Confidence, CrashPlace, Facts, Finding, Gap, Severity, SiteDir, SmokeResult, replace
from tests.support.facts import SITE, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import SmokeEnd

CATALOGUE = ("/ours/catalogue/scipy_linalg_solve.py", 5, "run")
SCIPY = (f"{SITE}/scipy/linalg/_basic.py", 220, "solve")
IN_SOLVE = " (smoke test scipy.linalg.solve)"
NUMPY = (f"{SITE}/numpy/linalg/linalg.py", 40, "inv")


def ended(end: SmokeEnd, test: str = "scipy.linalg.solve", distribution: str = "scipy", **fields: Any) -> SmokeResult:
    defaults = {"frames": (CATALOGUE, SCIPY), "seconds": 0.31}
    return SmokeResult(test, canonicalize_name(distribution), end, **{**defaults, **fields})


def facts_with(*results: SmokeResult, **target: Any) -> Facts:
    dists = [
        make_dist("numpy", "2.0.2"),
        make_dist("scipy", "1.12.0"),
        make_dist("scikit-learn", "1.4.0", top_level=("sklearn",)),
    ]
    return replace(make_facts(dists, **target), smoke=results)


def findings(*results: SmokeResult) -> list[Finding]:
    every = list(check_smoke(facts_with(*results)))
    assert all(isinstance(item, Finding) for item in every)
    return [item for item in every if isinstance(item, Finding)]


BAD = CrashPlace(f"{SITE}/scipy/linalg/_bad.so", "deep_two", "scipy 1.12.0", "a write at address 0x0 (a null pointer)")
TRAP = "the code stopped itself on purpose (ud2): a failed assertion"


def test_the_library_of_a_crash_is_named() -> None:
    (finding,) = findings(ended("crash", signal="SIGSEGV", place=BAD))
    assert finding.message == (
        "scipy 1.12.0 crashes with SIGSEGV (Segmentation fault) in deep_two of _bad.so (scipy 1.12.0)" + IN_SOLVE
    )
    last = finding.evidence[-1]
    assert last.path == BAD.library
    assert "repeated alone, died in deep_two; a write at address 0x0" in last.detail


def test_a_crash_of_the_interpreter_blames_no_library() -> None:
    place = CrashPlace("/usr/lib/libpython3.11.so", "free", "", note="damaged earlier", is_python=True)
    (finding,) = findings(ended("abort", signal="SIGABRT", place=place))
    assert "libpython" not in finding.message
    assert finding.evidence[-1].detail.endswith("the interpreter itself; damaged earlier")


def test_a_crash_without_a_python_frame_is_put_down_to_the_library_it_was_in() -> None:
    (finding,) = findings(ended("crash", signal="SIGSEGV", frames=(), place=BAD._replace(owner="numpy 2.0.2")))
    assert finding.distribution == "numpy"


def test_code_that_stops_itself_is_no_old_processor() -> None:
    (finding,) = findings(ended("illegal-instruction", signal="SIGILL", place=BAD._replace(access=TRAP)))
    assert "stopped itself on purpose (SIGILL (Illegal instruction)) in deep_two of _bad.so" in finding.message


@pytest.mark.parametrize(
    ("result", "code", "message", "symptom"),
    [
        (
            ended("wrong-result", error="got 1.0, expected 2.0", frames=(CATALOGUE,)),
            "RUN001",
            "scipy 1.12.0 computes a wrong result: got 1.0, expected 2.0 (smoke test scipy.linalg.solve)",
            "wrong numbers, without any error message",
        ),
        (
            ended(
                "exception", exception="ImportError", error="\nIMPORTANT\n\nnumpy.core.multiarray failed to import\n"
            ),
            "RUN002",
            "scipy 1.12.0 fails with ImportError: numpy.core.multiarray failed to import" + IN_SOLVE,
            "ImportError: numpy.core.multiarray failed to import",
        ),
        (
            ended("crash", signal="SIGSEGV"),
            "RUN003",
            "scipy 1.12.0 crashes with SIGSEGV (Segmentation fault) (smoke test scipy.linalg.solve)",
            f"Segmentation fault in solve, {SCIPY[0]} line 220",
        ),
        (
            ended("abort", signal="SIGABRT", stderr="OMP: Error #15: twice\n"),
            "RUN004",
            "scipy 1.12.0 aborts the interpreter (SIGABRT (Aborted)) (smoke test scipy.linalg.solve)",
            f"Aborted in solve, {SCIPY[0]} line 220",
        ),
        (
            ended("illegal-instruction", signal="SIGILL"),
            "RUN005",
            "scipy 1.12.0 uses an instruction that this processor does not have (smoke test scipy.linalg.solve)",
            f"Illegal instruction in solve, {SCIPY[0]} line 220",
        ),
        (
            ended("killed", signal="SIGKILL", frames=()),
            "RUN006",
            "scipy 1.12.0 was killed from outside with SIGKILL (Killed) (smoke test scipy.linalg.solve)",
            "Killed",
        ),
        (
            ended("memory-limit", limit="256 MiB of memory"),
            "RUN007",
            "scipy 1.12.0 needs more than 256 MiB of memory (smoke test scipy.linalg.solve)",
            f"MemoryError, or Killed in solve, {SCIPY[0]} line 220",
        ),
        (
            ended("memory-limit", limit="256 MiB of memory", exception="MemoryError", error=""),
            "RUN007",
            "scipy 1.12.0 needs more than 256 MiB of memory (smoke test scipy.linalg.solve)",
            "MemoryError",
        ),
        (
            ended("timeout", limit="60 seconds"),
            "RUN008",
            "scipy 1.12.0 does not end within 60 seconds (smoke test scipy.linalg.solve)",
            f"the program hangs in solve, {SCIPY[0]} line 220",
        ),
        (
            ended("no-result", frames=(), exit_status=1, error="the process ended with status 1"),
            "RUN009",
            "scipy 1.12.0 ends the interpreter without a result: the process ended with status 1" + IN_SOLVE,
            "the program ends early, or the notebook's kernel dies, without an error message",
        ),
        (
            ended("output-limit", limit="1 MiB of output", frames=()),
            "RUN010",
            "scipy 1.12.0 writes more than 1 MiB of output (smoke test scipy.linalg.solve)",
            "an endless stream of output",
        ),
    ],
    ids=lambda value: value.end if isinstance(value, SmokeResult) else "",
)
def test_each_end_has_its_code(result: SmokeResult, code: str, message: str, symptom: str) -> None:
    (finding,) = findings(result)
    assert (finding.code, finding.severity, finding.confidence) == (code, Severity.ERROR, Confidence.PROVEN)
    assert (finding.distribution, finding.version, finding.involves) == ("scipy", "1.12.0", ())
    assert finding.message == message
    assert finding.symptom == symptom
    assert finding.subject == "test:scipy.linalg.solve"
    assert len(finding.evidence) == 1
    # Installing again cannot help against a limit; where files may be damaged it is the first thing to try.
    again = [fix.command for fix in finding.fix]
    helps = code in {"RUN001", "RUN002", "RUN003", "RUN004", "RUN005", "RUN009"}
    assert again == (["uv pip install --python /env/bin/python --reinstall --no-deps scipy==1.12.0"] if helps else [])


@pytest.mark.parametrize(
    ("module", "command"),
    [
        # What has the module is not installed; a release of it that no longer has it may be.
        ("pkg_resources", "'setuptools<82'"),
        ("yaml.representer", "pyyaml"),
        # A file of its own is gone, or all files of another.
        ("sklearn.utils._missing", "--reinstall --no-deps scikit-learn==1.4.0"),
        ("numpy", "--reinstall --no-deps numpy==2.0.2"),
        # Another release of NumPy may have it, and nothing is known of the last: no advice is better than a wrong one.
        ("numpy._core._gone", ""),
        ("nobody_knows_this", ""),
    ],
)
def test_a_module_that_is_not_there_is_brought_by_who_has_it(module: str, command: str) -> None:
    result = ended(
        "exception",
        "sklearn.KMeans",
        "scikit-learn",
        exception="ModuleNotFoundError",
        error=f"No module named '{module}'",
        frames=((f"{SITE}/sklearn/base.py", 3, "<module>"),),
    )
    (finding,) = findings(result)
    assert finding.distribution == "scikit-learn"
    expected = [f"uv pip install --python /env/bin/python {command}"] if command else []
    assert [fix.command for fix in finding.fix] == expected


def test_good_ends_say_nothing() -> None:
    assert findings(ended("ok", frames=())) == []
    assert findings() == []


def test_not_run_is_a_gap() -> None:
    (gap,) = check_smoke(facts_with(ended("not-run", error="the supervisor failed", frames=())))
    assert gap == Gap("RUN", "smoke test scipy.linalg.solve", "the supervisor failed")


def test_the_owner_of_the_innermost_frame_is_blamed() -> None:
    (finding,) = findings(ended("crash", "sklearn.KMeans", "scikit-learn", signal="SIGSEGV", frames=(SCIPY, NUMPY)))
    assert (finding.distribution, finding.version) == ("numpy", "2.0.2")
    assert [(other.name, other.version) for other in finding.involves] == [("scikit-learn", "1.4.0")]
    assert finding.evidence[0].path == NUMPY[0]
    assert finding.evidence[0].line == 40


@pytest.mark.parametrize(
    "frames",
    [
        (SCIPY, ("interval.pyx", 1, "init")),
        (SCIPY, ("/usr/lib/python3.11/ctypes/__init__.py", 500, "string_at")),
        (SCIPY, (f"{SITE}", 1, "odd"), ("", 0, "")),
        (("/link/lib/python3.11/site-packages/scipy/x.py", 1, "f"),),
    ],
)
def test_frames_that_nobody_owns_are_passed_over(frames: tuple[tuple[str, int, str], ...]) -> None:
    (finding,) = findings(ended("crash", "sklearn.KMeans", "scikit-learn", signal="SIGSEGV", frames=frames))
    assert finding.distribution == "scipy"


def test_without_any_frame_the_one_under_test_is_blamed() -> None:
    (finding,) = findings(ended("crash", signal="SIGSEGV", frames=(CATALOGUE,)))
    assert finding.distribution == "scipy"
    (finding,) = findings(ended("crash", signal="SIGSEGV", frames=()))
    assert (finding.distribution, finding.evidence[0].path) == ("scipy", "/env/bin/python")


def test_a_shared_import_name_belongs_to_the_one_under_test() -> None:
    dists = [make_dist("opencv-python", top_level=("cv2",)), make_dist("opencv-python-headless", top_level=("cv2",))]
    result = ended("crash", "cv2.resize", "opencv-python-headless", frames=((f"{SITE}/cv2/__init__.py", 1, "f"),))
    (finding,) = check_smoke(replace(make_facts(dists), smoke=(result,)))
    assert isinstance(finding, Finding)
    assert finding.distribution == "opencv-python-headless"


def test_an_editable_distribution_owns_its_source_folder() -> None:
    dist = make_dist("mine", editable_path="/home/me/mine")
    result = ended("crash", "x", "scipy", frames=(SCIPY, ("/home/me/mine/src/mine/a.py", 3, "f")))
    (finding,) = check_smoke(replace(make_facts([dist, make_dist("scipy")]), smoke=(result,)))
    assert isinstance(finding, Finding)
    assert finding.distribution == "mine"


def test_every_site_folder_counts() -> None:
    extra = "/opt/packages"
    facts = facts_with(
        ended("crash", frames=(SCIPY, (f"{extra}/numpy/core.py", 1, "f"))), site_dirs=(SiteDir(SITE), SiteDir(extra))
    )
    (finding,) = check_smoke(facts)
    assert isinstance(finding, Finding)
    assert finding.distribution == "numpy"


def test_one_cause_is_one_finding() -> None:
    text: dict[str, Any] = {"exception": "ValueError", "error": "numpy.dtype size changed", "frames": (SCIPY,)}
    one, other = findings(
        ended("exception", "scipy.fft", **text),
        ended("exception", "sklearn.KMeans", "scikit-learn", **text),
        ended("exception", "scipy.special", exception="ValueError", error="another", frames=(SCIPY,)),
    )
    assert [item.detail.split()[2] for item in one.evidence] == ["scipy.fft", "sklearn.KMeans"]
    assert one.message.endswith("(smoke test scipy.fft and 1 more)")
    assert [item.name for item in one.involves] == ["scikit-learn"]
    assert [item.detail.split()[2] for item in other.evidence] == ["scipy.special"]
    assert one.fingerprint != other.fingerprint


def test_last_words_are_evidence() -> None:
    (finding,) = findings(ended("abort", signal="SIGABRT", stderr="a\nOMP: Error #15: twice\n\n"))
    assert finding.evidence[0].detail.endswith("ended after 0.3 s: abort (SIGABRT); last words: OMP: Error #15: twice")


def test_processes_left_behind_are_a_warning_even_after_a_good_end() -> None:
    (finding,) = findings(ended("ok", leftovers=2), ended("ok", "scipy.fft", leftovers=1))
    assert (finding.code, finding.severity, finding.distribution) == ("RUN011", Severity.WARNING, "scipy")
    assert "3 processes" in finding.message
    assert len(finding.evidence) == 2
    (crash, left) = findings(ended("crash", signal="SIGSEGV", leftovers=1))
    assert (crash.code, left.code) == ("RUN003", "RUN011")
    assert "1 process behind" in left.message


def test_a_distribution_that_nobody_knows() -> None:
    result = ended("crash", "x.y", "gone", signal="SIGSEGV", frames=())
    (finding,) = findings(result)
    assert (finding.distribution, finding.version) == ("gone", "")


TRIGGER = "scipy.linalg.inv gets a symmetric indefinite matrix of whole numbers in Fortran order"


def test_a_use_that_is_known_to_fail_is_a_warning_that_names_it() -> None:
    known = ended("crash", "known.scipy.inv", signal="SIGSEGV", kind="regression", trigger=TRIGGER, rule="EA-2026-0074")
    (finding,) = findings(known)
    assert (finding.code, finding.severity) == ("RUN003", Severity.WARNING)
    assert finding.message == (
        f"scipy 1.12.0 crashes with SIGSEGV (Segmentation fault) when {TRIGGER}; other uses have tests of their own "
        "(smoke test known.scipy.inv)"
    )
    assert "EA-2026-0074 knows of it" in finding.evidence[0].detail
    # The same end in ordinary use is an error of its own.
    severities = [each.severity for each in findings(known, ended("crash", signal="SIGSEGV"))]
    assert severities == [Severity.WARNING, Severity.ERROR]


def test_ordinary_use_that_dies_at_the_same_place_is_known_by_the_same_rule() -> None:
    known = ended("crash", "known", signal="SIGSEGV", kind="regression", trigger="x", rule="EA-2026-0073", place=BAD)
    same = ended("crash", signal="SIGSEGV", place=BAD)
    elsewhere = ended("crash", "scipy.fft", signal="SIGSEGV", frames=(), place=BAD._replace(function="other"))
    said = ["EA-2026-0073" in each.evidence[0].detail for each in findings(known, same, elsewhere)]
    assert said == [True, True, False]


@pytest.mark.parametrize(
    ("end", "severity"), [("exception", Severity.WARNING), ("no-result", Severity.WARNING), ("crash", Severity.ERROR)]
)
def test_a_package_that_cannot_be_imported(end: SmokeEnd, severity: Severity) -> None:
    failed = {"exception": "ImportError", "error": "no"} if end == "exception" else {}
    (finding,) = findings(ended(end, "import scipy", kind="import", **failed))
    assert finding.severity is severity
    optional = ended("exception", "import scipy", kind="import", exception="ModuleNotFoundError", error="no")
    assert [each.severity for each in findings(optional)] == [Severity.NOTE]
    # With an ordinary test that fails of the same, it is not about imports that may be meant for others.
    (finding,) = findings(ended(end, "import scipy", kind="import", **failed), ended(end, **failed))
    assert finding.severity is Severity.ERROR


def test_what_an_earlier_run_has_seen_says_when() -> None:
    (finding,) = findings(ended("crash", signal="SIGSEGV", kept="2026-11-23 21:40"))
    assert finding.message.endswith("(smoke test scipy.linalg.solve, on 2026-11-23 21:40)")
    assert "seen on 2026-11-23 21:40, and nothing it needs has changed since" in finding.evidence[0].detail


def test_too_many_processes() -> None:
    (finding,) = findings(ended("process-limit", limit="128 processes"))
    assert (finding.code, finding.severity, finding.fix) == ("RUN013", Severity.ERROR, ())
    assert "starts more than 128 processes" in finding.message


def pair(end: SmokeEnd, first: str, second: str, **fields: Any) -> SmokeResult:
    alone = (f"import {first}", f"import {second}")
    trigger = "both bring or use OpenMP"
    return ended(end, f"import {first}, {second}", second, kind="pair", alone=alone, trigger=trigger, **fields)


ALONE = (ended("ok", "import scipy", kind="import"), ended("ok", "import numpy", "numpy", kind="import"))


@pytest.mark.parametrize(
    ("turned", "words"),
    [
        ((pair("ok", "scipy", "numpy"),), "when numpy is imported first; scipy first works"),
        ((pair("crash", "scipy", "numpy", signal="SIGSEGV"),), "in whichever order they are imported"),
        ((), "when numpy is imported before scipy"),
    ],
)
def test_two_packages_that_fail_together(turned: tuple[SmokeResult, ...], words: str) -> None:
    (finding,) = findings(*ALONE, pair("crash", "numpy", "scipy", signal="SIGSEGV"), *turned)
    assert (finding.code, finding.severity, finding.distribution) == ("RUN012", Severity.ERROR, "scipy")
    assert finding.message == f"numpy and scipy fail in one process with SIGSEGV, {words}; each alone works"
    assert [each.name for each in finding.involves] == ["numpy"]
    assert "both bring or use OpenMP" in finding.evidence[0].detail


@pytest.mark.parametrize("end", ["ok", "not-run", "timeout", "memory-limit", "killed", "process-limit"])
def test_what_says_nothing_of_a_pair(end: SmokeEnd) -> None:
    every = list(check_smoke(facts_with(*ALONE, pair(end, "numpy", "scipy"))))
    assert [each for each in every if isinstance(each, Finding)] == []


def test_a_pair_of_which_one_fails_alone_is_not_accused() -> None:
    alone = (ended("crash", "import scipy", kind="import", signal="SIGSEGV"), ALONE[1])
    codes = [each.code for each in findings(*alone, pair("crash", "numpy", "scipy", signal="SIGSEGV"))]
    assert codes == ["RUN003"]
    assert findings(ALONE[0], pair("crash", "numpy", "scipy", signal="SIGSEGV")) == []


def test_a_pair_that_raises_is_a_warning() -> None:
    raised = pair("exception", "numpy", "scipy", exception="ImportError", error="cannot allocate memory in static TLS")
    (finding,) = findings(*ALONE, raised)
    assert finding.severity is Severity.WARNING
    assert "ImportError: cannot allocate memory in static TLS" in finding.message
