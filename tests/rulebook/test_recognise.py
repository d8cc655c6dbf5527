"""From an error text to its cause."""

from __future__ import annotations

import json
import random
import string
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.codes import CODES
from envaudit.rulebook import default_folder, load_rules, match_rule
from envaudit.rulebook.error_text import cleaned, packages_in, passages
from envaudit.rulebook.lint import environment, pinned
from envaudit.rulebook.recognise import CODE_SIGNATURES, recognise

COMBOS = Path(__file__).parents[1] / "e2e" / "data" / "combos.jsonl"
RULES = load_rules([default_folder()]).active()

GENSIM = """Traceback (most recent call last):
  File "run.py", line 1, in <module>
    import gensim
  File "/v/lib/python3.11/site-packages/gensim/matutils.py", line 20, in <module>
    from scipy.linalg import get_blas_funcs, triu
ImportError: cannot import name 'triu' from 'scipy.linalg' (/v/lib/python3.11/site-packages/scipy/linalg/__init__.py)
"""

# What a code looks like where no rule speaks of it, in the words of the program that prints it.
SEEN = [
    ("ABI001", "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000"),
    ("ABI001", "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.2.6 as it may crash."),
    ("ABI001", "ImportError: numpy.core.multiarray failed to import"),
    ("ABI001", "    from .onnxruntime_pybind11_state import *  # noqa\n    ^^^^^^^^^^\nImportError"),
    ("ABI003", "RuntimeError: module was compiled against NumPy C-API version 0x10 (NumPy 1.23) but the running NumPy"),
    (
        "ABI004",
        "ValueError: numpy.ndarray size changed, may indicate binary incompatibility. Expected 96 from C",
    ),
    ("PLT003", "ImportError: No module named 'numpy.core._multiarray_umath'"),
    ("LNK001", "ImportError: libhdf5.so.103: cannot open shared object file: No such file or directory"),
    ("LNK001", "ImportError: DLL load failed while importing _ufuncs: The specified module could not be found."),
    ("LNK002", "OSError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./a.so)"),
    ("LNK003", "ImportError: /x/_C.so: undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs"),
    ("LNK004", "ImportError: /x/_a.abi3.so: undefined symbol: PyType_GetName"),
    ("LNK005", "OMP: Error #15: Initializing libiomp5.so, but found libiomp5 already initialized."),
    ("LNK006", "ImportError: libfoo.so: cannot enable executable stack as shared object requires: Invalid argument"),
    ("LNK007", "ImportError: /x/_flapack.so: file too short"),
    ("API010", "TypeError: Descriptors cannot be created directly."),
    ("DEP001", "ModuleNotFoundError: No module named 'yaml'"),
    ("DEP002", "ImportError: Matplotlib requires numpy>=1.23; you have 1.19.3"),
    ("API001", "ImportError: cannot import name 'surely_gone' from 'mypackage.part' (/x/__init__.py)"),
    ("API001", "AttributeError: module 'mypackage' has no attribute 'surely_gone'"),
    ("RUN003", "Fatal Python error: Segmentation fault"),
    ("RUN003", "Process completed with exit code 139."),
    ("RUN004", "munmap_chunk(): invalid pointer"),
    ("RUN005", "Illegal instruction (core dumped)"),
    ("RUN007", "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an array"),
    ("RUN007", "worker exited with code 137"),
]


def test_every_signature_is_of_a_code_that_exists() -> None:
    assert {code for code, _ in CODE_SIGNATURES} <= set(CODES)


@pytest.mark.parametrize(("code", "text"), SEEN)
def test_a_code(code: str, text: str) -> None:
    found = recognise(text, ())
    assert found.causes[0].code == code
    assert found.causes[0].sure


@pytest.mark.parametrize("text", ["", "\n\n", "all is well", "3 passed in 0.1s", "Process completed with exit code 1."])
def test_nothing_is_made_up(text: str) -> None:
    assert recognise(text, RULES).causes == ()


def test_a_rule_goes_before_the_code_of_the_same_line() -> None:
    found = recognise(GENSIM, RULES)
    assert [cause.code for cause in found.causes] == ["EA-2026-0001"]
    assert found.causes[0].number == 6
    assert found.packages == ("scipy", "gensim")


def test_a_message_from_elsewhere_is_no_rule_of_that_package() -> None:
    assert [cause.code for cause in recognise(GENSIM.replace("gensim", "mine"), RULES).causes] == ["API001"]


def test_a_message_without_its_traceback_is_only_likely() -> None:
    found = recognise(GENSIM.splitlines()[-1], RULES)
    assert found.causes[0].code == "API001"
    likely = [cause for cause in found.causes if not cause.sure]
    assert "EA-2026-0001" in {cause.code for cause in likely}


def test_what_ended_the_program_comes_first() -> None:
    early = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'ujson'\n"
    found = recognise(early + "using json instead\n" * 100 + GENSIM, RULES)
    assert [cause.code for cause in found.causes] == ["EA-2026-0001", "DEP001"]


def _dressed(line: str, how: str) -> str:
    if how == "ci":
        return f"2026-11-23T10:00:00.1234567Z {line}"
    if how == "compose":
        return f"web_1      | {line}"
    if how == "colour":
        return f"\x1b[31m{line}\x1b[0m"
    return f"progress 10%\rprogress 90%\r{line}" if how == "bar" else f"E   {line}"


@pytest.mark.parametrize("how", ["ci", "compose", "colour", "bar", "pytest"])
def test_what_others_put_in_front_of_a_line(how: str) -> None:
    text = "\n".join(_dressed(line, how) for line in GENSIM.splitlines())
    assert "EA-2026-0001" in {cause.code for cause in recognise(text, RULES).causes}


def test_a_megabyte_of_noise() -> None:
    choose = random.Random(1)
    noise = ["".join(choose.choices(string.ascii_letters + " :./'", k=90)) for _ in range(6000)]
    noise += [f"ERROR: attempt {number} failed: SomeError: retry" for number in range(4000)]
    text = "\n".join((*noise, GENSIM, *noise))
    assert len(text) > 1_000_000
    started = time.process_time()
    assert "EA-2026-0001" in {cause.code for cause in recognise(text, RULES).causes}
    assert time.process_time() - started < 20  # a bound against endless matching, not a claim of speed


def test_the_combinations_that_were_measured() -> None:
    """Nineteen of twenty captured texts lead to the rule that matches their pins, or, where none does, to a code."""
    wrong = []
    combos = [json.loads(line) for line in COMBOS.read_text(encoding="utf-8").splitlines()]
    told = [combo for combo in combos if combo["outcome"]["tail"].strip()]
    for combo in told:
        codes = {cause.code for cause in recognise(combo["outcome"]["tail"], RULES).causes}
        if not codes & _right(combo):
            wrong.append(f"{combo['id']}: {sorted(codes)}")
    assert len(told) > 140
    assert len(wrong) <= len(told) * 0.05, wrong


def _right(combo: dict[str, Any]) -> set[str]:
    """Return the rules that match the pins, and the codes that are true of this kind of breakage."""
    markers = environment(combo["python"], "linux-x86_64")
    rules = {rule.id for rule in RULES if match_rule(rule, pinned(combo["pins"]), markers) is not None}
    kinds = {
        "abi": {"ABI001", "ABI003", "ABI004", "DEP002", "LNK001", "PLT003", "API001"},
        "api": {"API001", "API002", "API010"},
        "native": {"LNK001", "LNK002", "LNK003", "LNK007", "RUN003", "RUN004", "ABI001"},
        "integrity": {"INS001", "API001", "API002", "PLT003", "PLT004", "LNK001", "DEP001"},
        "metadata": {"DEP001", "API003"},
    }
    return rules | kinds[combo["kind"]]


def test_the_symptom_of_a_rule_leads_to_it() -> None:
    """Where a user sees what the probe prints; a file conflict and a wrong number show in other ways."""
    tried = 0
    for rule in RULES:
        context = next((signature.context for signature in rule.signatures if signature.context), "")
        text = f'Traceback (most recent call last):\n  File "/x/site-packages/{context}"\n{rule.symptom}\n'
        if any(signature.fits_message(text) for signature in rule.signatures):
            assert rule.id in {cause.code for cause in recognise(text, RULES).causes}, rule.id
            tried += 1
    assert tried > 90


@given(st.text(max_size=3000))
def test_any_text_is_read(text: str) -> None:
    found = recognise(text, RULES[:10])
    assert all(cause.number >= 1 for cause in found.causes)


def test_the_pieces() -> None:
    assert cleaned("a\r\nb\n\x1b[1mc\x1b[0m") == ["a", "b", "c"]
    assert packages_in("x/site-packages/one/a.py y\\site-packages\\two\\b.py dist-packages/one/c") == ("one", "two")
    lines = ["ValueError: again"] * 3000
    assert 1 <= len(passages(lines)) <= 400
