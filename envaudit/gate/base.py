"""Files as they were at another commit, by git; nothing is checked out."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from envaudit.errors import ReadError, UsageError
from envaudit.files_seen import doubt
from envaudit.requirements.text import LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 60


class Base:
    """The merge base of a revision and HEAD, in the repository that a folder belongs to.

    Raises ``UsageError`` when there is no git, no repository, or no such revision.
    """

    def __init__(self, revision: str, folder: str, cwd: str, environ: Mapping[str, str]) -> None:
        doubt("a repository was asked")
        self._environ = {**environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        self._folder = folder
        self._cwd = cwd
        if revision.startswith("-") or not revision or "\0" in revision:
            raise UsageError(f"--base {revision}: not the name of a revision")
        self.top = os.path.realpath(self._text("rev-parse", "--show-toplevel", problem="--base needs a git repository"))
        commit = self._nothing() if revision == "HEAD" else ""
        commit = commit or self._text(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
            problem=f"--base {revision}: there is no such revision (is the clone shallow?)",
        )  # fmt: skip
        merged = self._ask("merge-base", commit, "HEAD")
        self.commit = merged.decode().split()[0] if merged else commit
        self._renamed = self._renames()

    def _nothing(self) -> str:
        """Return the tree without files when nothing was committed so far, as in the first run of a hook."""
        if self._ask("rev-parse", "--verify", "--quiet", "HEAD") is not None or not self._ask("symbolic-ref", "HEAD"):
            return ""
        return self._text("hash-object", "-t", "tree", os.devnull, problem="--base HEAD: git has no empty tree")

    def read(self, path: str) -> bytes:
        """Return the content that the file at a path had; raises ``ReadError`` when there was none."""
        name = self._name(path)
        listed = self._ask("ls-tree", "-z", "--long", "--full-tree", self.commit, "--", name)
        fields = listed.partition(b"\0")[0].partition(b"\t")[0].split() if listed else []
        if len(fields) != 4 or fields[1] != b"blob" or fields[0] == b"120000":
            raise ReadError("no such file at that commit")
        if int(fields[3]) > LIMIT:
            raise ReadError(f"{int(fields[3])} bytes, more than the {LIMIT} that are read")
        content = self._ask("cat-file", "blob", fields[2].decode("ascii"))
        if content is None:
            raise ReadError("git cannot read it")
        return content

    def _name(self, path: str) -> str:
        """Return what the file was called at that commit, relative to the top of the repository."""
        folder, name = os.path.split(os.path.join(self._cwd, path))
        real = os.path.join(os.path.realpath(folder), name)
        relative = os.path.relpath(real, self.top).replace(os.sep, "/")
        if relative.startswith("../"):
            raise ReadError("it lies outside of the repository")
        return self._renamed.get(relative, relative)

    def _renames(self) -> dict[str, str]:
        """Return the old name of each file that was renamed since."""
        answer = self._ask("diff", "--name-status", "-z", "--no-ext-diff", "--diff-filter=R", "-M", self.commit, "--")
        words = (answer or b"").split(b"\0")
        found = {}
        for place in range(0, len(words) - 2, 3):
            found[os.fsdecode(words[place + 2])] = os.fsdecode(words[place + 1])
        return found

    def _text(self, *arguments: str, problem: str) -> str:
        answer = self._ask(*arguments)
        if answer is None or not answer.strip():
            raise UsageError(problem)
        return os.fsdecode(answer).strip()

    def _ask(self, *arguments: str) -> bytes | None:
        """Return what git prints, ``None`` when it refuses."""
        try:
            done = subprocess.run(
                ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607  whichever git the user has
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise UsageError("--base needs git, and there is none") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"--base: git does not answer: {error}") from error
        return done.stdout if done.returncode == 0 else None
