"""Small lock files of every tool, with the same packages in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
PINNED = (*NAMES, "requirements.txt", "requirements.in", "pyproject.toml", "script.py", "environment.yml")


def wheel_name(name: str, version: str) -> str:
    return f"{name}-{version}-cp311-cp311-manylinux_2_17_x86_64.whl"


def lock(name: str, pins: Mapping[str, str]) -> str:
    """Return the lock file of a tool; ``name`` is that of the file."""
    if name == "Pipfile.lock":
        packages = {
            key: {"hashes": [f"sha256:{key.encode().hex():0<64}"], "version": f"=={version}"}
            for key, version in pins.items()
        }
        return json.dumps({"_meta": {"requires": {}}, "default": packages, "develop": {}}, indent=4) + "\n"
    if name == "uv.lock":
        root = ", ".join(f'{{ name = "{key}" }}' for key in pins)
        parts = [
            'version = 1\nrequires-python = ">=3.10"\n',
            f'[[package]]\nname = "me"\nversion = "0"\nsource = {{ virtual = "." }}\ndependencies = [{root}]\n',
        ]
        parts += [
            f'[[package]]\nname = "{key}"\nversion = "{version}"\nsource = {{ registry = "https://x/simple" }}\n'
            f'wheels = [\n    {{ url = "https://x/{wheel_name(key, version)}", hash = "sha256:{key.encode().hex():0<64}" }},\n]\n'  # noqa: E501
            for key, version in pins.items()
        ]
        return "\n".join(parts)
    if name == "pylock.toml":
        parts = ['lock-version = "1.0"\ncreated-by = "hand"\n']
        parts += [
            f'[[packages]]\nname = "{key}"\nversion = "{version}"\n'
            f'wheels = [{{ name = "{wheel_name(key, version)}", hashes = {{ sha256 = "{key.encode().hex():0<64}" }} }}]\n'  # noqa: E501
            for key, version in pins.items()
        ]
        return "\n".join(parts)
    parts = [
        f'[[package]]\nname = "{key}"\nversion = "{version}"\n'
        + (
            'optional = false\npython-versions = ">=3.9"\ngroups = ["main"]\n'
            if name == "poetry.lock"
            else 'requires_python = ">=3.9"\ngroups = ["default"]\n'
        )
        + f'files = [\n    {{file = "{wheel_name(key, version)}", hash = "sha256:{key.encode().hex():0<64}"}},\n]\n'
        for key, version in pins.items()
    ]
    return "\n".join(parts) + '\n[metadata]\nlock-version = "2.1"\n'


def pinned(name: str, pins: Mapping[str, str]) -> str:
    """Return a file of any kind that pins packages: a lock file, or requirements with ``==``."""
    if name in NAMES:
        return lock(name, pins)
    wanted = [f"{key}=={version}" for key, version in pins.items()]
    if name == "pyproject.toml":
        listed = "".join(f'    "{each}",\n' for each in wanted)
        return f'[project]\nname = "me"\nversion = "0"\ndependencies = [\n{listed}]\n'
    if name == "script.py":
        listed = "".join(f'#     "{each}",\n' for each in wanted)
        return f"# /// script\n# dependencies = [\n{listed}# ]\n# ///\n"
    if name == "environment.yml":
        listed = "".join(f"      - {each}\n" for each in wanted)
        return f"name: me\ndependencies:\n  - pip:\n{listed}"
    return "# pinned\n" + "".join(f"{each}\n" for each in wanted)
