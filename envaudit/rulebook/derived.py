"""What releases were built for, read from their wheels once and shipped: requirements can be judged without a wheel.

``rules/derived/numpy2.json`` holds for each project that was looked at which releases were built for NumPy 1.x, from
which release on they are built for NumPy 2, and the exceptions; ``fixtures/derived/derive_numpy2.py`` writes it. What
is not there is unknown, and unknown is not good.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envaudit import files
from envaudit.errors import ReadError, RuleError
from envaudit.model import PredictedBuild
from envaudit.rulebook.load import DERIVED_FILE, built_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from packaging.utils import NormalizedName

    from envaudit.model import BuildClass, Distribution

SCHEMA = 1
_LIMIT = 16 * 1024 * 1024  # bytes; 100 projects take 20 kB
CLASSES: tuple[BuildClass, ...] = ("1.x", "pybind11", "rust", "by-name", "2", "none")
_OLD = frozenset({"1.x", "pybind11", "rust", "by-name"})
# Of 710 releases built for NumPy 2, none was uploaded before this day; of 947 built for NumPy 1.x, 95 % were.
FIRST_DAY = "2024-04-01"
_KEYS = {"before": str, "oldest": str, "last": str, "good": str, "good_uploaded": str, "releases": dict}


class Built(NamedTuple):
    """What a release was built for, and how that is known.

    The words are those of ``PredictedBuild``; ``first_good`` is empty where no release runs on NumPy 2.
    """

    numpy_class: BuildClass
    basis: str
    first_good: str = ""


class Project(NamedTuple):
    """What is known of one project.

    ``releases`` are those that were read, with their class. ``good`` is the first that was built for NumPy 2, by
    version. ``before`` is the class of all before it, from ``oldest`` to ``last`` where not all of them were read;
    ``None`` when they differ. Where ``last`` is newer than ``good``, the order of versions is not that of uploads.
    """

    releases: Mapping[Version, BuildClass]
    before: BuildClass | None = None
    oldest: Version | None = None
    last: Version | None = None
    good: Version | None = None


class Derived:
    """The table; the versions of a project are parsed when it is asked for."""

    def __init__(self, version: str, projects: Mapping[str, Mapping[str, Any]]) -> None:
        self.version = version
        self._raw = projects
        self._parsed: dict[str, Project] = {}

    def __len__(self) -> int:
        return len(self._raw)

    def names(self) -> tuple[str, ...]:
        """Return the normalised names of all projects that were looked at."""
        return tuple(sorted(self._raw))

    def project(self, key: str) -> Project | None:
        """Return what is known of a project, ``None`` when it was not looked at."""
        if key not in self._parsed and key in self._raw:
            self._parsed[key] = _project(self._raw[key])
        return self._parsed.get(key)

    def built(self, key: NormalizedName | str, version: str, uploaded: str = "") -> Built | None:
        """Return what a release was built for, ``None`` where that is not known.

        ``uploaded`` is the day (ISO 8601) that an index or a lock file gives; without it only the table is asked.
        """
        known = self.project(key)
        release = _version(version)
        if known is None or release is None:
            return None
        good = str(known.good) if known.good and known.good > release else ""
        measured = known.releases.get(release)
        if measured is not None:
            return Built(measured, "measured", good)
        inferred = _between(known, release)
        if inferred is not None:
            return Built(inferred, "inferred", good)
        if uploaded and uploaded[:10] < FIRST_DAY and known.before in _OLD:
            return Built(known.before, "date", good)
        return None


def _between(known: Project, release: Version) -> BuildClass | None:
    """Place a release that was not read among those that were."""
    if known.good is not None:
        if release.is_prerelease and release.release == known.good.release:
            return None  # it may have been built with either
        if release >= known.good:
            if known.last is not None and known.last > known.good:
                # A project that went back: of what is not newer, only the series of the first good one is good.
                return "2" if release > known.last or release.release[:2] == known.good.release[:2] else None
            # The order of versions is not that of uploads: where not all releases were read, an old one may follow.
            older = known.last is not None and any(
                found != "2" and other > release for other, found in known.releases.items()
            )
            return None if older else "2"
    too_old = known.oldest is not None and release < known.oldest
    too_new = known.last is not None and release > known.last
    return None if too_old or too_new else known.before


def _version(text: str) -> Version | None:
    """Return the public version: a local one is the same release, built differently."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return Version(version.public) if version.local else version


def _project(raw: Mapping[str, Any]) -> Project:
    releases: dict[Version, BuildClass] = {}
    for found, listed in raw.get("releases", {}).items():
        releases.update((Version(text), found) for text in listed.split())
    return Project(releases, raw.get("before"), *(_of(raw, key) for key in ("oldest", "last", "good")))


def _of(raw: Mapping[str, Any], name: str) -> Version | None:
    return Version(raw[name]) if name in raw else None


def load_derived(place: str) -> Derived:
    """Read the table of a rules folder or built file; one that has none knows nothing. Raises ``RuleError``."""
    path, data = _table_of(place)
    if data is None:
        return Derived("", {})
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int):
        raise RuleError(path, "schema", "a number is expected")
    if schema > SCHEMA:
        raise RuleError(path, "schema", f"format {schema} is newer than this program: update envaudit")
    projects = data.get("projects")
    if not isinstance(projects, dict) or not isinstance(data.get("version"), str):
        raise RuleError(path, "projects", "a version and a table of projects are expected")
    for name, raw in projects.items():
        _check(path, name, raw)
    return Derived(data["version"], projects)


def _table_of(place: str) -> tuple[str, Any]:
    """Return where the table of a place is and its data, ``None`` when there is none."""
    if place.endswith(".json"):  # a built file: read_built has looked at the form of the rest
        return f"{place}: numpy2", built_tables(place).get("numpy2")
    path = str(Path(place, DERIVED_FILE))
    if not files.exists(path):
        return path, None
    try:
        return path, json.loads(files.read_text(path, _LIMIT))
    except ReadError as error:
        raise RuleError(path, "", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise RuleError(path, "", f"not JSON: {error}") from error


def _check(path: str, name: str, raw: object) -> None:
    """Refuse an entry that could not be used; raises ``RuleError``."""
    where = f"projects.{name}"
    if name != canonicalize_name(name) or not isinstance(raw, dict):
        raise RuleError(path, where, "a normalised name and a table are expected")
    for key, value in raw.items():
        if key not in _KEYS or not isinstance(value, _KEYS[key]):
            raise RuleError(path, f"{where}.{key}", "there is no such key, or its value has another type")
    classes = (*raw.get("releases", {}), *((raw["before"],) if "before" in raw else ()))
    for found in classes:
        if found not in CLASSES:
            raise RuleError(path, where, f"{found!r} is none of {', '.join(CLASSES)}")
    listed = [text for texts in raw.get("releases", {}).values() for text in str(texts).split()]
    for text in (*listed, *(raw[key] for key in ("oldest", "last", "good") if key in raw)):
        if _version(text) is None:
            raise RuleError(path, where, f"{text!r} is not a version")
    if len(listed) != len(set(listed)):
        raise RuleError(path, where, "a release is listed twice")


def predict(
    derived: Derived,
    distributions: Iterable[Distribution],
    read: Collection[str],
    uploaded: Mapping[NormalizedName, str] | None = None,
) -> tuple[PredictedBuild, ...]:
    """Return what is known of the distributions whose compiled files were not read.

    ``read`` are the ``info_path`` of those whose files were: what bytes say is not predicted. ``uploaded`` are the days
    of upload that are known.
    """
    found = []
    for dist in distributions:
        if dist.info_path in read or dist.hidden_by or dist.key == "numpy":
            continue
        built = derived.built(dist.key, dist.version, (uploaded or {}).get(dist.key, ""))
        if built is not None:
            found.append(PredictedBuild(dist.key, built.numpy_class, built.basis, built.first_good))
    return tuple(found)
