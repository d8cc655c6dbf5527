"""Headers of ELF files: links, machines, truncation; pyelftools as referee on the interpreter's own libraries."""

from __future__ import annotations

import sys
import sysconfig
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from envaudit.binary import read_binary, read_interpreter
from envaudit.errors import ReadError
from tests.binary.conftest import FIXTURES, fixture, system_libraries
from tests.binary.forge import CODE, DYNAMIC, STRINGS, Elf

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[Elf | bytes], str]

LINKED = Elf(
    needed=("libm.so.6", "libfoo-1234.so"),
    soname="libme.so.1",
    rpath="$ORIGIN/old",
    runpath="$ORIGIN/../me.libs::/opt/lib",
    interpreter="/lib64/ld-linux-x86-64.so.2",
)


def test_links_of_a_real_library() -> None:
    facts = read_binary(fixture("linked.so"))
    assert (facts.format, facts.machine, facts.bits, facts.truncated) == ("elf", "x86_64", 64, False)
    assert facts.soname == "liblinked.so.3"
    assert facts.needed == ("libm.so.6", "libc.so.6")
    assert facts.rpath == ()
    assert facts.runpath == ("$ORIGIN/../linked.libs", "/opt/lib")
    assert facts.numpy is None


def test_old_search_path() -> None:
    facts = read_binary(fixture("linked_rpath.so"))
    assert (facts.rpath, facts.runpath, facts.soname, facts.needed) == (("$ORIGIN",), (), "", ())


@pytest.mark.parametrize(("bits", "order", "sections"), list(product((32, 64), "<>", (True, False))))
def test_both_word_sizes_and_byte_orders(bits: int, order: str, sections: bool, written: Write) -> None:
    rodata = b"numpy.core.multiarray\0_ARRAY_API\0"
    path = written(LINKED.but(bits=bits, order=order, sections=sections, rodata=rodata))
    facts = read_binary(path)
    assert facts.bits == bits
    assert facts.soname == "libme.so.1"
    assert facts.needed == ("libm.so.6", "libfoo-1234.so")
    assert facts.rpath == ("$ORIGIN/old",)
    assert facts.runpath == ("$ORIGIN/../me.libs", "/opt/lib")
    assert facts.numpy is not None
    assert (facts.numpy.kind, facts.numpy.built_for) == ("by-name", "1.x")
    assert read_interpreter(path)[1:] == (bits, "/lib64/ld-linux-x86-64.so.2")


@pytest.mark.parametrize(
    ("number", "bits", "order", "name"),
    [
        (62, 64, "<", "x86_64"),
        (183, 64, "<", "aarch64"),
        (3, 32, "<", "i686"),
        (40, 32, "<", "armv7l"),
        (21, 64, "<", "ppc64le"),
        (21, 64, ">", "ppc64"),
        (22, 64, ">", "s390x"),
        (243, 64, "<", "riscv64"),
        (243, 32, "<", "riscv32"),
        (258, 64, "<", "loongarch64"),
        (999, 64, "<", "machine-999"),
    ],
)
def test_machines(number: int, bits: int, order: str, name: str, written: Write) -> None:
    assert read_binary(written(Elf(machine=number, bits=bits, order=order))).machine == name


def test_every_cut_is_truncated_or_too_short_for_a_header(written: Write) -> None:
    whole = Path(fixture("api_1x_O2.so")).read_bytes()
    with Path(fixture("api_1x_O2.so")).open("rb") as stream:
        end = max(
            segment["p_offset"] + segment["p_filesz"]
            for segment in ELFFile(stream).iter_segments()
            if segment["p_type"] == "PT_LOAD"
        )
    assert not read_binary(written(whole[:end])).truncated
    for length in (end - 1, end // 2, 1024, 300, 64):
        facts = read_binary(written(whole[:length]))
        assert facts.truncated
        assert facts.machine == "x86_64"
        assert facts.needed == ()
        assert facts.numpy is None
    for length, text in ((63, "inside its ELF header"), (5, "in its magic"), (3, "neither ELF"), (0, "empty")):
        with pytest.raises(ReadError, match=text):
            read_binary(written(whole[:length]))


def test_a_truncated_interpreter_asks_for_no_loader(written: Write) -> None:
    assert read_interpreter(written(bytes(LINKED)[:CODE])) == ("x86_64", 64, "")


def test_interpreter_of_the_running_python() -> None:
    machine, bits, loader = read_interpreter(sys.executable)
    assert machine == sysconfig.get_platform().rpartition("-")[2]
    assert bits == (64 if sys.maxsize > 2**32 else 32)
    assert "ld" in Path(loader).name
    assert Path(loader).exists()


def test_a_script_is_no_interpreter(written: Write) -> None:
    with pytest.raises(ReadError, match="not an ELF executable"):
        read_interpreter(written(b"#!/bin/sh\n"))


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (b"#!/bin/sh", "neither ELF, Mach-O nor PE: it starts with 23 21 2f 62"),
        (b"\x7fELF\x03\x01\x01", "neither a 32-bit nor a 64-bit ELF file"),
    ],
)
def test_other_files_are_refused_in_words(start: bytes, text: str, written: Write) -> None:
    with pytest.raises(ReadError, match=text):
        read_binary(written(start + bytes(100)))


def test_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    for path, text in ((tmp_path, "folder"), (tmp_path / "no.so", "no such file")):
        with pytest.raises(ReadError, match=text):
            read_binary(str(path))


def _patched(elf: Elf, offset: int, new: bytes) -> bytes:
    data = bytearray(bytes(elf))
    data[offset : offset + len(new)] = new
    return bytes(data)


def test_broken_headers_are_refused_in_words(written: Write) -> None:
    size = DYNAMIC + 16 * len(("needed", "needed", "soname", "rpath", "runpath")) + 16  # value of DT_STRSZ is next
    cases = [
        (_patched(LINKED, 54, b"\x20\0"), "program headers of 32 bytes, not 56"),
        (_patched(LINKED, 56, b"\xff\xff"), "program headers, more than"),
        (_patched(LINKED, DYNAMIC + 8, b"\xff\xff"), "lies outside the string table"),
        (_patched(LINKED, size + 8, b"\xff\xff\xff\x7f"), "a string table of 2147483647 bytes"),
        (_patched(LINKED, size - 8, bytes(8)), "is not in any segment"),
    ]
    for data, text in cases:
        with pytest.raises(ReadError, match=text):
            read_binary(written(data))


def test_a_string_without_an_end_is_refused(written: Write) -> None:
    elf = Elf(soname="x", symbols=())
    data = bytearray(bytes(elf))
    data[STRINGS + 2 : STRINGS + 3] = b"y"
    data[DYNAMIC + 40 : DYNAMIC + 48] = (3).to_bytes(8, "little")  # DT_STRSZ: up to the missing end
    with pytest.raises(ReadError, match="has no end"):
        read_binary(written(bytes(data)))


def test_names_that_are_no_text_can_still_be_printed(written: Write) -> None:
    data = bytes(LINKED).replace(b"libfoo-1234.so", b"lib\xff\x1bx-1234.so")
    needed = read_binary(written(data)).needed
    assert needed[1] == "lib\\xff\x1bx-1234.so"
    needed[1].encode("utf-8")


def test_an_object_file_has_no_links(written: Write) -> None:
    facts = read_binary(written(_patched(LINKED, 56, b"\0\0")))  # no program headers
    assert (facts.machine, facts.needed, facts.truncated, facts.numpy) == ("x86_64", (), False, None)


def test_pyelftools_agrees() -> None:
    compared = 0
    for path in system_libraries():
        facts = read_binary(path)
        with Path(path).open("rb") as stream:
            elf = ELFFile(stream)
            dynamic = next((part for part in elf.iter_sections() if isinstance(part, DynamicSection)), None)
            assert dynamic is not None, path
            tags = [(tag.entry.d_tag, tag) for tag in dynamic.iter_tags()]
            names = {
                kind: [getattr(tag, kind) for name, tag in tags if name == f"DT_{kind.upper()}"]
                for kind in ("needed", "soname", "rpath", "runpath")
            }
            assert list(facts.needed) == names["needed"]
            assert facts.soname == "".join(names["soname"])
            assert ":".join(facts.rpath) == "".join(names["rpath"])
            assert ":".join(facts.runpath) == "".join(names["runpath"])
            assert facts.bits == elf.elfclass
        compared += 1
    assert compared >= len(list(FIXTURES.glob("*.so"))) > 10
