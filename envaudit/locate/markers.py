"""The marker environment of a target (PEP 508), never that of the interpreter this program runs on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from envaudit.files import target_root
from envaudit.locate.library import minor

if TYPE_CHECKING:
    from envaudit.locate.library import Release
    from envaudit.locate.machine import Machine

_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


def marker_environment(release: Release, machine: Machine) -> dict[str, str]:
    """Return all eleven variables; release and version of the system are empty when it is not the system at hand."""
    full = release.python if release.python.count(".") >= 2 else f"{release.python}.0"
    here = sys.platform == machine.system and hasattr(os, "uname") and not target_root().foreign
    return {
        "implementation_name": release.implementation.lower(),
        "implementation_version": release.implementation_version or full,
        "os_name": "nt" if machine.system == "win32" else "posix",
        "platform_machine": machine.machine,
        "platform_python_implementation": release.implementation,
        "platform_release": os.uname().release if here else "",
        "platform_system": _SYSTEMS.get(machine.system, machine.system),
        "platform_version": os.uname().version if here else "",
        "python_full_version": full,
        "python_version": minor(full),
        "sys_platform": machine.system,
    }
