"""What the loader said in a smoke test stands under the LNK finding that foresaw it."""

from __future__ import annotations

import pytest

from envaudit.checks.causes import join_causes
from envaudit.model import Confidence, Finding, Involved, Severity, replace
from tests.support.checks import NO_RULES


def _finding(code: str, distribution: str, symptom: str = "", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code, severity, Confidence.PROVEN, f"{distribution} is broken", "", distribution, symptom=symptom)


TEXTS = {
    "LNK001": "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    "LNK002": "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /env/m.so)",
    "LNK003": "ImportError: /env/m.so: undefined symbol: _ZN3foo3bazEi",
    "LNK004": "ImportError: /env/m.abi3.so: undefined symbol: PyModule_AddObjectRef",
    "LNK005": "OMP: Error #15: Initializing libiomp5.so, but found libomp.so already initialized.",
    "LNK006": "ImportError: /env/m.so: cannot allocate memory in static TLS block",
}


@pytest.mark.parametrize("seen", TEXTS)
@pytest.mark.parametrize("code", TEXTS)
def test_each_text_belongs_to_its_code(code: str, seen: str) -> None:
    failure = _finding("RUN004" if seen == "LNK005" else "RUN002", "p", TEXTS[seen])
    cause, _ = join_causes([_finding(code, "p"), failure], NO_RULES)
    # A name of Python's is an undefined symbol too: the file decides which of the two findings there is.
    fits = code == seen or (code, seen) == ("LNK003", "LNK004")
    assert cause.explains == ((failure.fingerprint,) if fits else ())


def test_other_distributions_and_notes_are_no_cause() -> None:
    failure = _finding("RUN002", "p", TEXTS["LNK001"])
    for other in (_finding("LNK001", "q"), _finding("LNK001", "p", severity=Severity.NOTE)):
        assert join_causes([other, failure], NO_RULES)[0].explains == ()


def test_either_of_two_runtimes_can_be_the_one_that_aborts() -> None:
    failure = _finding("RUN004", "q", TEXTS["LNK005"])
    cause = replace(_finding("LNK005", "p"), involves=(Involved("q", "1.0"),))
    assert join_causes([cause, failure], NO_RULES)[0].explains == (failure.fingerprint,)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("LNK001", "OSError: Could not load this library: /env/torchaudio/lib/_torchaudio.abi3.so"),
        ("LNK001", "RuntimeError: operator torchvision::nms does not exist"),
        ("LNK003", "OSError: Could not load this library: /env/torchtext/lib/libtorchtext.so"),
        ("LNK006", "ImportError: x: cannot enable executable stack as shared object requires: Invalid argument"),
        ("LNK006", "ImportError: x: ELF load command address/offset not page-aligned"),
    ],
)
def test_what_pytorch_makes_of_it(code: str, text: str) -> None:
    failure = _finding("RUN002", "p", text)
    assert join_causes([_finding(code, "p"), failure], NO_RULES)[0].explains == (failure.fingerprint,)
