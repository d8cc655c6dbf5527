"""What is known of one compiled file, in a form that can be kept from one run to the next.

Nothing here trusts what was kept: a text that is not exactly of this form is no answer, and the file is read again.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from envaudit import __version__
from envaudit.model import BinaryFacts, NumpyNeed, StructSizes, VersionNeed

_TEXTS = ("format", "machine", "soname", "numpy_unread", "min_os", "pybind11")
_LISTS = ("needed", "rpath", "runpath", "frameworks", "needed_late")
_NUMBERS = ("bits", "static_tls", "min_align")
_SWITCHES = ("truncated", "exec_stack")
_NEED_TEXTS = ("kind", "built_for", "framework", "feature_from", "feature_text")
_NEED_NUMBERS = ("feature", "dtype", "ndarray", "ufunc")
_KINDS = frozenset({"c-api", "cython", "by-name"})
_BUILDS = frozenset({"1.x", "2.x", "both", "unknown"})
# More names than this are not kept of one file: reading them again takes as long.
_NAMES_LIMIT = 8192
_INTERPRETERS_LIMIT = 4


class WrongFormError(Exception):
    """A kept text that this version did not write."""


class Stored:
    """The facts of a file, and what linking it has found out about it.

    ``explained`` says that ``facts`` also tell what has generated the code. ``left`` are the names it expects that an
    interpreter does not export, by the digest of all that this one exports; ``offers`` says of names whether the file
    exports them. ``changed`` says that there is something to keep.
    """

    __slots__ = ("changed", "explained", "facts", "left", "offers")

    def __init__(self, facts: BinaryFacts, *, explained: bool, changed: bool = True) -> None:
        self.facts = facts
        self.explained = explained
        self.left: dict[str, frozenset[bytes]] = {}
        self.offers: dict[bytes, bool] = {}
        self.changed = changed

    def keep_left(self, interpreter: str, names: frozenset[bytes]) -> None:
        """Keep the names that an interpreter does not export."""
        if len(names) > _NAMES_LIMIT:
            return
        while len(self.left) >= _INTERPRETERS_LIMIT:
            del self.left[next(iter(self.left))]
        self.left[interpreter] = names
        self.changed = True

    def dump(self) -> str:
        """Return the text to keep."""
        import json  # noqa: PLC0415  a run without a cache needs none

        offers = self.offers if len(self.offers) <= _NAMES_LIMIT else {}
        plain = [
            _plain_facts(self.facts),
            self.explained,
            {key: _texts(names) for key, names in self.left.items()},
            _texts(name for name, there in offers.items() if there),
            _texts(name for name, there in offers.items() if not there),
        ]
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Stored:
        """Read what ``dump`` wrote; raises ``WrongFormError`` for anything else."""
        import json  # noqa: PLC0415

        try:
            facts, explained, left, there, absent = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise WrongFormError from error
        if type(explained) is not bool or type(left) is not dict or len(left) > _INTERPRETERS_LIMIT:
            raise WrongFormError
        stored = cls(_facts(facts), explained=explained, changed=False)
        stored.left = {key: frozenset(_names(names)) for key, names in left.items()}
        stored.offers = dict.fromkeys(_names(absent), False) | dict.fromkeys(_names(there), True)
        return stored


@lru_cache(maxsize=1)
def reader_version() -> str:
    """Return what changes with the readers: the version, and size and time of each of their files.

    The times serve those who change the readers: what an older reader has found must not outlive it.
    """
    stamps = []
    try:
        with os.scandir(os.path.dirname(__file__)) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    stamps.append(f"{entry.name}:{status.st_size}:{status.st_mtime_ns}")
    except OSError:  # inside an archive
        stamps = []
    import hashlib  # noqa: PLC0415

    return f"{__version__}-{hashlib.sha256('|'.join(sorted(stamps)).encode()).hexdigest()[:16]}"


def _plain_facts(facts: BinaryFacts) -> list[Any]:
    """Take facts apart; the order is that of the tuples above."""
    need = facts.numpy
    numpy = None
    if need is not None:
        sizes = need.expects
        numpy = [
            *(getattr(need, name) for name in _NEED_TEXTS),
            *(need.feature, sizes.dtype, sizes.ndarray, sizes.ufunc),
        ]
    return [
        *(getattr(facts, name) for name in (*_TEXTS, *_LISTS, *_NUMBERS, *_SWITCHES)),
        [[each.library, each.versions] for each in facts.versions_needed],
        numpy,
    ]


def _facts(plain: object) -> BinaryFacts:
    """Put facts together again."""
    names = (*_TEXTS, *_LISTS, *_NUMBERS, *_SWITCHES)
    if type(plain) is not list or len(plain) != len(names) + 2:
        raise WrongFormError
    values: dict[str, Any] = dict(zip(names, plain, strict=False))
    for name in _TEXTS:
        if type(values[name]) is not str:
            raise WrongFormError
    for name in _LISTS:
        values[name] = _strings(values[name])
    for name in _NUMBERS:
        if type(values[name]) is not int:
            raise WrongFormError
    for name in _SWITCHES:
        if type(values[name]) is not bool:
            raise WrongFormError
    versions, need = plain[-2:]
    if type(versions) is not list:
        raise WrongFormError
    return BinaryFacts(**values, versions_needed=tuple(_version(each) for each in versions), numpy=_need(need))


def _version(plain: object) -> VersionNeed:
    if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not str:
        raise WrongFormError
    return VersionNeed(plain[0], _strings(plain[1]))


def _need(plain: object) -> NumpyNeed | None:
    if plain is None:
        return None
    if type(plain) is not list or len(plain) != len(_NEED_TEXTS) + len(_NEED_NUMBERS):
        raise WrongFormError
    kind, built_for, framework, feature_from, feature_text, *numbers = plain
    texts = (framework, feature_from, feature_text)
    wrong = any(type(each) is not str for each in texts) or any(
        each is not None and type(each) is not int for each in numbers
    )
    if wrong or type(kind) is not str or kind not in _KINDS or type(built_for) is not str or built_for not in _BUILDS:
        raise WrongFormError
    feature, *sizes = numbers
    return NumpyNeed(
        kind,  # type: ignore[arg-type]  # one of them, as was just seen
        built_for,  # type: ignore[arg-type]
        framework,
        feature,
        feature_from,
        feature_text,
        StructSizes(*sizes),
    )


def _strings(plain: object) -> tuple[str, ...]:
    if type(plain) is not list:
        raise WrongFormError
    for each in plain:
        if type(each) is not str:
            raise WrongFormError
    return tuple(plain)


def _texts(names: Any) -> list[str]:
    """Write names, which are bytes, as text in which each character stands for one byte."""
    return sorted(name.decode("latin-1") for name in names)


def _names(plain: object) -> list[bytes]:
    try:
        return [each.encode("latin-1") for each in _strings(plain)]
    except UnicodeEncodeError as error:
        raise WrongFormError from error
