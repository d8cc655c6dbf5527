"""How smoke tests ended in earlier runs, kept under all they hang on: while nothing of it changes, they are not run.

The key of a result is a digest of the test and of the programs that run it, of the interpreter, of the processor, the
kernel and the loader's cache, of the limits, and of the files of every distribution in the test's closure, each with
its size and the time of its last change. The closure follows each Requires-Dist to what
is installed, those of extras too: pandas uses pyarrow when it is there.

Kept is what a second run would see again: passes, crashes, wrong results and exceptions that name a defect. A test
that ran out of time, of memory or of processes, or was killed, may have met a busy machine, and is always run again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from envaudit.errors import ReadError
from envaudit.files import read_bytes, read_text
from envaudit.model import CrashPlace, SmokeResult
from envaudit.plain_versions import name_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, Target
    from envaudit.smoke.options import SmokeOptions
    from envaudit.smoke.tests import SmokeTest

_VERSION = "smoke-1"
_HERE = Path(__file__).parent
_RECORD_LIMIT = 64 * 1024 * 1024
_CRASHES = frozenset({"crash", "abort", "illegal-instruction", "wrong-result"})
# Exceptions that say what is wrong with the environment. An OSError or a RuntimeError may say that the disk is full or
# that no thread can be started.
_LASTING = frozenset(
    {"AssertionError", "AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "TypeError"}
) | {"ValueError"}
_LOADER_CACHE = "/etc/ld.so.cache"


class Store(Protocol):
    """Where texts are kept by key."""

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the texts of those keys that are known."""

    def put(self, values: Mapping[str, str]) -> None:
        """Keep texts."""


class KeptResults:
    """The results of one environment in a store."""

    def __init__(
        self,
        store: Store,
        target: Target,
        distributions: Mapping[NormalizedName, Distribution],
        cpu_flags: Collection[str],
        options: SmokeOptions,
    ) -> None:
        self._store = store
        self._distributions = distributions
        self._common = _digest(
            _VERSION,
            *_programs(),
            target.executable,
            target.python,
            *_statuses(_interpreter(target)),
            *_customised(target),
            platform.release(),
            platform.machine(),
            *sorted(cpu_flags),
            str((options.timeout, options.memory, options.output)),
        )
        self._contents: dict[NormalizedName, str] = {}
        self._requirements: dict[NormalizedName, set[NormalizedName]] = {}
        self._keys: dict[str, str] = {}

    def known(self, tests: Sequence[SmokeTest]) -> dict[str, SmokeResult]:
        """Return the results, by name, of those tests for which nothing has changed."""
        self._keys = {test.name: key for test in tests if (key := self._key(test))}
        texts = self._store.get(list(self._keys.values()))
        found = {}
        for name, key in self._keys.items():
            result = _read(name, texts[key]) if key in texts else None
            if result is not None:
                found[name] = result
        return found

    def keep(self, results: Sequence[tuple[SmokeTest, SmokeResult]]) -> None:
        """Keep what was seen now, if a second run would see it again."""
        moment = time.strftime("%Y-%m-%d %H:%M")
        self._store.put(
            {
                self._keys[test.name]: json.dumps({**_plain(result), "kept": moment})
                for test, result in results
                if test.name in self._keys and _lasts(result)
            }
        )

    def _key(self, test: SmokeTest) -> str:
        """Return the key of a test; empty where something it hangs on cannot be told."""
        try:
            text = test.code or read_text(str(test.path))
            parts = [self._content(key) for key in sorted(self._closure(test))]
        except (ReadError, OSError, ValueError, csv.Error):
            return ""
        return f"smoke:{_digest(self._common, test.name, text, *parts)}"

    def _closure(self, test: SmokeTest) -> set[NormalizedName]:
        """Return all that is installed of what a test needs, what that requires, and so on."""
        found: set[NormalizedName] = set()
        left = [key for key in (*test.needs, *test.any_of) if key in self._distributions]
        while left:
            key = left.pop()
            if key in found:
                continue
            found.add(key)
            left += self._required(key) - found
        return found

    def _required(self, key: NormalizedName) -> set[NormalizedName]:
        """Return what is installed of the names in a distribution's requirements."""
        if key not in self._requirements:
            names = map(name_of, self._distributions[key].requires)
            self._requirements[key] = {name for name in names if name is not None and name in self._distributions}
        return self._requirements[key]

    def _content(self, key: NormalizedName) -> str:
        """Return a digest of the status of every file of a distribution; raises ``ReadError`` without a RECORD."""
        if key not in self._contents:
            dist = self._distributions[key]
            record = os.path.join(dist.info_path, "RECORD")
            if dist.editable_path or not dist.has_record:
                raise ReadError(record, "its files are not listed")
            rows = csv.reader(io.StringIO(read_bytes(record, _RECORD_LIMIT).decode("utf-8", "surrogateescape")))
            paths = (row[0] for row in rows if row and not row[0].endswith(".pyc"))
            self._contents[key] = _digest(
                key, dist.version, *_statuses(os.path.join(dist.site_dir, path) for path in paths)
            )
        return self._contents[key]


def _programs() -> Iterator[str]:
    """Yield the programs that run and judge a test."""
    for name in ("child.py", "zygote.py", "supervisor.py", "runner.py", "classify.py", "forked.py"):
        yield hashlib.sha256(read_bytes(str(_HERE / name))).hexdigest()


def _interpreter(target: Target) -> Iterator[str]:
    """Yield files and folders of the interpreter that change when it does."""
    major, minor = target.version_info
    real = os.path.realpath(target.executable)
    library = os.path.join(target.base_prefix, "lib", f"python{major}.{minor}")
    yield from (target.executable, real, library, os.path.join(library, "os.py"), os.path.join(library, "lib-dynload"))
    yield from (os.path.join(target.prefix, "pyvenv.cfg"), _LOADER_CACHE)


def _customised(target: Target) -> Iterator[str]:
    """Yield what Python executes by itself when it starts: ``.pth`` files and the like."""
    for site in target.site_dirs:
        try:
            names = sorted(os.listdir(site.path))
        except OSError:
            continue
        early = [name for name in names if name.endswith(".pth") or name.startswith(("sitecustomize", "usercustomize"))]
        yield from _statuses(os.path.join(site.path, name) for name in early)


def _statuses(paths: Iterable[str]) -> Iterator[str]:
    """Yield each path with what changes when the file does.

    The time of the last change of the status betrays who has set back the other time. Installers that share files
    between environments by hard links change it with every other environment: there the inode has to do.
    """
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            yield f"{path} is not there"
        else:
            changed = status.st_ctime_ns if status.st_nlink == 1 else status.st_ino
            yield f"{path} {status.st_size} {status.st_mtime_ns} {changed}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _lasts(result: SmokeResult) -> bool:
    if result.leftovers or result.kept:
        return False
    return result.end == "ok" or result.end in _CRASHES or (result.end == "exception" and result.exception in _LASTING)


def _plain(result: SmokeResult) -> dict[str, Any]:
    values = result._asdict()
    values["place"] = list(result.place) if result.place is not None else None
    return values


def _read(name: str, text: str) -> SmokeResult | None:
    """Read a result; ``None`` for what is not one of this test."""
    try:
        values = json.loads(text)
        place = values.pop("place")
        frames = tuple((str(path), int(line), str(function)) for path, line, function in values.pop("frames"))
        alone = tuple(values.pop("alone"))
        result = SmokeResult(
            **values, frames=frames, alone=alone, place=CrashPlace(*place) if place is not None else None
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return result if result.test == name else None
