"""The commands that put things right, in the words of the tool that made the environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from envaudit.model import Fix
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Described, Distribution, Facts


def install_command(facts: Facts, requirements: Sequence[str], *, reinstall: bool = False) -> str:
    """Return the shell command that installs ``requirements`` into the target.

    It is pip's when the target has pip, conda's when conda installed most of what is there, else uv's. For a target
    that is only described it is what changes the file.
    """
    if facts.described is not None:
        return _change_command(facts.described, [each for each in requirements if not each.startswith("-")])
    installer = _installer(facts)
    if installer == "conda":
        again = ["--force-reinstall"] if reinstall else []
        prefix = facts.target.path_inside(facts.target.prefix)
        return _join(["conda", "install", "--prefix", prefix, *again, *requirements])
    if installer == "pip":
        again = ["--force-reinstall", "--no-deps"] if reinstall else []
        return _join([python_to_name(facts), "-m", "pip", "install", *again, *requirements])
    again = ["--reinstall", "--no-deps"] if reinstall else []
    return _join(["uv", "pip", "install", "--python", python_to_name(facts), *again, *requirements])


# Commands that change a project and its lock file.
_ADD = {"uv": ["uv", "add"], "poetry": ["poetry", "add"], "pdm": ["pdm", "add"], "pipfile": ["pipenv", "install"]}


def _change_command(described: Described, requirements: Sequence[str]) -> str:
    """Return what to do about a file: the command of its tool, or in words what has to stand in it."""
    if described.tool in _ADD:
        return _join([*_ADD[described.tool], *requirements])
    if described.tool == "pylock":
        return f"lock again with {' and '.join(requirements)}"
    return f"write {' and '.join(requirements)} into {described.path}"


def reinstall(facts: Facts, dist: Distribution) -> Fix:
    """Return the fix that installs the same release again; without a version when what it states is none."""
    pinned = parse_version(dist.version) is not None
    return Fix(install_command(facts, [f"{dist.name}=={dist.version}" if pinned else dist.name], reinstall=True))


def restore(facts: Facts, dist: Distribution, *, linked: bool) -> Fix:
    """Return the fix that installs the same release again, where files were changed in place.

    uv installs hard links to its cache: what was changed through one (``linked``) is changed in the cache as well.
    """
    fix = reinstall(facts, dist)
    if not linked or dist.installer != "uv":
        return fix
    return Fix(f"{_join(['uv', 'cache', 'clean', dist.name])} && {fix.command}")


def install_anew(facts: Facts, dist: Distribution, paths: Sequence[str], version: str = "") -> Fix:
    """Return the fix that deletes files and folders of a distribution and then installs the release again."""
    wanted = version or dist.version
    pinned = f"{dist.name}=={wanted}" if parse_version(wanted) is not None else dist.name
    install = install_command(facts, [pinned], reinstall=True)
    return Fix(f"{remove_command(facts, paths)} && {install}" if paths else install)


def keep_one(facts: Facts, kept: Distribution, removed: Distribution) -> Fix:
    """Return the fix that removes one of two distributions with common files and gives the other its files back."""
    uninstall = uninstall_command(facts, [removed.name])
    if _installer(facts) == "pip":
        uninstall = uninstall.replace(" uninstall ", " uninstall --yes ", 1)
    return Fix(f"{uninstall} && {reinstall(facts, kept).command}")


def uninstall_command(facts: Facts, names: Sequence[str]) -> str:
    """Return the shell command that removes distributions from the target."""
    if facts.described is not None:
        return f"remove {' and '.join(names)} from {facts.described.path}"
    installer = _installer(facts)
    if installer == "conda":
        return _join(["conda", "remove", "--prefix", facts.target.path_inside(facts.target.prefix), *names])
    if installer == "pip":
        return _join([python_to_name(facts), "-m", "pip", "uninstall", *names])
    return _join(["uv", "pip", "uninstall", "--python", python_to_name(facts), *names])


def remove_command(facts: Facts, paths: Sequence[str]) -> str:
    """Return the shell command that deletes files and folders of the target, as its own machine calls them."""
    names = [facts.target.path_inside(path) for path in paths]
    if facts.target.platform.startswith("win"):
        quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
        return f"Remove-Item -Recurse -Force -LiteralPath {quoted}"
    return _join(["rm", "-r", *names])


def make_again(facts: Facts) -> str:
    """Return the command that makes an environment anew, without what was installed in it."""
    prefix = facts.target.path_inside(facts.target.prefix)
    return _join(["uv", "venv", "--clear", prefix]) + "  # then install the requirements again"


def replace_twins(facts: Facts, dist: Distribution, count: int) -> Fix:
    """Return the fix that removes all of ``count`` versions of a distribution and installs one of them anew.

    uv removes every one of them first; pip removes one each time it is asked.
    """
    pinned = f"{dist.name}=={dist.version}" if parse_version(dist.version) is not None else dist.name
    if _installer(facts) == "uv":
        return Fix(install_command(facts, [pinned], reinstall=True))
    python = [python_to_name(facts), "-m", "pip"]
    steps = [_join([*python, "uninstall", "--yes", dist.name])] * count
    return Fix(" && ".join([*steps, _join([*python, "install", "--no-deps", pinned])]))


def _installer(facts: Facts) -> str:
    """Name the program to use: what is installed says how it came here."""
    by_conda = sum(dist.installer == "conda" for dist in facts.distributions)
    if facts.target.kind == "conda" and by_conda * 2 > len(facts.distributions):
        return "conda"
    return "pip" if any(dist.key == "pip" for dist in facts.distributions) else "uv"


def python_to_name(facts: Facts) -> str:
    """Return the interpreter to name, as its own machine calls it; without one the folder, which uv accepts too."""
    return facts.target.path_inside(facts.target.executable or facts.target.prefix)


def _join(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)
