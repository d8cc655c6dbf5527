"""The processors whose crashes can be read: numbers of registers in DWARF and of system calls on Linux.

x86_64: the System V ABI for AMD64, figure 3.36; aarch64: DWARF for the Arm 64-bit Architecture, section 4.1, and
``include/uapi/asm-generic/unistd.h`` of the kernel.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple


class Machine(NamedTuple):
    """One processor.

    ``pc``, ``sp``, ``fp``: registers that hold the next instruction, the stack, and the frame by custom. ``link`` is
    the one a call leaves the return address in, -1 where it pushes it. ``last`` is the highest that is looked after.
    ``write`` and ``futex`` are system calls as ``/proc/PID/syscall`` writes them.
    """

    name: str
    pc: int
    sp: int
    fp: int
    link: int
    last: int
    write: str
    futex: str


X86_64 = Machine("x86_64", pc=16, sp=7, fp=6, link=-1, last=16, write="1", futex="202")
AARCH64 = Machine("aarch64", pc=32, sp=31, fp=29, link=30, last=34, write="64", futex="98")
SIGNED = 34  # of aarch64: not a register, but whether the return address carries a signature (RA_SIGN_STATE)
_SIGNATURE = (1 << 48) - 1  # the bits of an address that are none of its signature
_KNOWN = {machine.name: machine for machine in (X86_64, AARCH64)}


def this_machine() -> Machine | None:
    """Return the processor this process runs on, ``None`` for one whose crashes cannot be read."""
    return _KNOWN.get(os.uname().machine) if sys.platform == "linux" else None


def without_signature(address: int) -> int:
    """Return the address that a signed one (pointer authentication of aarch64) stands for."""
    return address & _SIGNATURE
