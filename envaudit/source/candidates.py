"""What each distribution seems to need of others, by one pass over the bytes of its sources.

Files of tests, examples and copies of other projects are left out: nobody imports them by importing the package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import each_entry, is_file, is_folder, read_bytes, read_each
from envaudit.source.statements import SIZE_LIMIT, Statements, Written
from envaudit.source.stdlib import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envaudit.model import Distribution

_RECORD_LIMIT = 64 * 1024 * 1024
_IN_RECORD = re.compile(rb'(?m)^([^,"\n]+\.py),')
# Parts of paths whose files nobody imports by importing the package.
LEFT_OUT = re.compile(
    r"(?:^|/)(?:tests?|testing|_tests?|unittests?|examples?|demos?|benchmarks?|docs?|_?vendor(?:ed)?|_vendored_packages"
    r"|third_?party|extern(?:al)?s?|node_modules|templates?|conftest\.py|setup\.py|test_[^/]*\.py|[^/]*_tests?\.py)(?:/|$)"
    r"|^\.\.|^/|-(?:info|info/)"
)
_FOLDER_LIMIT = 20_000
# Libraries that lose names from release to release, and whose modules people use under names of their own.
# What modules of the standard library have lost since Python 3.5, and people have used.
LOST: Mapping[str, tuple[str, ...]] = {
    "array": ("array.fromstring", "array.tostring"),
    "ast": ("Bytes", "Ellipsis", "NameConstant", "Num", "Str"),
    "asyncio": (
        "AbstractChildWatcher",
        "SafeChildWatcher",
        "Task.all_tasks",
        "Task.current_task",
        "async",
        "coroutine",
    ),
    "base64": ("decodestring", "encodestring"),
    "cgi": ("escape", "parse_qs", "parse_qsl"),
    "collections": (
        *("AsyncIterable", "Awaitable", "ByteString", "Callable", "Container", "Coroutine", "Generator", "Hashable"),
        *(
            "ItemsView",
            "Iterable",
            "Iterator",
            "KeysView",
            "Mapping",
            "MappingView",
            "MutableMapping",
            "MutableSequence",
        ),
        *("MutableSet", "Sequence", "Set", "Sized", "ValuesView"),
    ),
    "configparser": ("LegacyInterpolation", "SafeConfigParser"),
    "fractions": ("gcd",),
    "gettext": ("bind_textdomain_codeset", "ldgettext", "ldngettext", "lgettext", "lngettext"),
    "importlib": ("find_loader",),
    "inspect": ("Parameter.getargs", "formatargspec", "getargspec", "getmoduleinfo"),
    "itertools": ("ifilter", "imap", "izip", "izip_longest"),
    "locale": ("format", "resetlocale"),
    "os": ("errno", "getcwdu", "popen2"),
    "pkgutil": ("ImpImporter", "ImpLoader", "find_loader", "get_loader"),
    "platform": ("dist", "linux_distribution", "popen"),
    "plistlib": ("Data", "readPlist", "readPlistFromBytes", "readPlistFromString", "writePlist", "writePlistToBytes"),
    "re": ("template",),
    "ssl": ("RAND_egd", "RAND_pseudo_bytes", "match_hostname", "wrap_socket"),
    "string": ("join", "letters", "lowercase", "maketrans", "uppercase"),
    "sys": ("callstats", "exc_clear", "getcheckinterval", "maxint", "setcheckinterval", "setdefaultencoding"),
    "threading": ("_sleep",),
    "time": ("clock",),
    "types": ("ClassType", "ListType", "NoneType", "StringType", "StringTypes", "UnicodeType"),
    "typing": ("GenericMeta", "io", "re"),
    "unittest": ("_TextTestResult", "findTestCases", "getTestCaseNames", "makeSuite"),
    "xml": ("etree.cElementTree",),
}
WATCHED_BELOW = frozenset(
    "numpy scipy pandas matplotlib sklearn jinja2 werkzeug flask sqlalchemy setuptools pkg_resources markupsafe "  # noqa: SIM905
    "networkx collections importlib xml email".split()
)
_ATTRIBUTES = rb"\.([A-Za-z_][\w.]*)"


class Wanted(NamedTuple):
    """What the files of a distribution seem to need of modules that are not its own.

    ``imports`` maps ``(module, name)`` (no name: the module itself) to indexes of ``files`` where it begins a line,
    ``inner`` those where it is indented, ``attributes`` those where it is an attribute of an imported module. ``own``
    has, by path, the imports of modules of the distribution itself that begin a line.
    """

    files: tuple[str, ...]
    imports: dict[tuple[str, str], list[int]]
    inner: dict[tuple[str, str], list[int]]
    attributes: dict[tuple[str, str], list[int]]
    own: dict[str, list[Written]]


class Scanner:
    """Scans distributions; what is known of statements and names is shared among them."""

    def __init__(self) -> None:
        self.statements = Statements()
        self._patterns: dict[str, re.Pattern[bytes]] = {}

    def scan(self, site_dir: str, files: Sequence[str], own: frozenset[bytes]) -> Wanted:
        """Scan files, given by their paths below ``site_dir``; ``own`` are the top-level modules not to be noted."""
        wanted = Wanted(tuple(files), {}, {}, {}, {})
        for index, (path, text) in enumerate(zip(files, read_each(site_dir, files, SIZE_LIMIT), strict=True)):
            if text is not None:
                wanted.own[f"{site_dir}/{path}"] = self._file(text, index, wanted, own)
        return wanted

    def _file(self, text: bytes, index: int, wanted: Wanted, own: frozenset[bytes]) -> list[Written]:
        aliases: dict[str, str] = {}
        aside: list[Written] = []
        for statements, found in (
            (self.statements.at_start(text, own, aside), wanted.imports),
            (self.statements.indented(text, own), wanted.inner),
        ):
            for module, names in statements:
                if not names:
                    _note(found, (module, ""), index)
                    top = module.partition(".")[0]
                    aliases[top] = top
                    continue
                for name, alias in names:
                    _note(found, (module, name), index)
                    if not name:
                        aliases[alias] = module
                    elif module.partition(".")[0] in WATCHED_BELOW and name.islower():
                        aliases[alias or name] = f"{module}.{name}"
        self._attributes(text, index, aliases, wanted.attributes)
        return aside

    def _attributes(
        self, text: bytes, index: int, aliases: dict[str, str], found: dict[tuple[str, str], list[int]]
    ) -> None:
        for alias, module in aliases.items():
            standard = module.partition(".")[0] in STANDARD
            if standard and module not in LOST:
                continue
            pattern = self._lost(alias, module) if standard else self._pattern(alias)
            for chain in set(pattern.findall(text)):
                _note(found, (module, chain.decode("ascii", "replace").rstrip(".")), index)

    def _pattern(self, alias: str) -> re.Pattern[bytes]:
        pattern = self._patterns.get(alias)
        if pattern is None:
            pattern = self._patterns[alias] = re.compile(re.escape(alias.encode()) + _ATTRIBUTES)
        return pattern

    def _lost(self, alias: str, module: str) -> re.Pattern[bytes]:
        """Return what finds the names that a module of the standard library has lost."""
        key = f"{alias} {module}"
        pattern = self._patterns.get(key)
        if pattern is None:
            names = "|".join(sorted(map(re.escape, LOST[module]), reverse=True))
            written = rf"{re.escape(alias)}\.({names})(?!\w)"
            pattern = self._patterns[key] = re.compile(written.encode())
        return pattern


def _note(found: dict[tuple[str, str], list[int]], key: tuple[str, str], index: int) -> None:
    known = found.get(key)
    if known is None:
        found[key] = [index]
    elif known[-1] != index:
        known.append(index)


def record_of(dist: Distribution) -> bytes:
    """Return the RECORD that lists the sources of a distribution, empty when there is none."""
    if not dist.has_record or dist.editable_path:
        return b""
    try:
        return read_bytes(f"{dist.info_path}/RECORD", _RECORD_LIMIT)
    except ReadError:
        return b""


def source_files(dist: Distribution) -> tuple[list[str], bytes]:
    """Return the sources of a distribution, relative to its site folder, and the RECORD that lists them, if it does."""
    record = record_of(dist)
    if record:
        paths = [path.decode("utf-8", "replace") for path in _IN_RECORD.findall(record)]
    else:
        paths = [path for top in dist.top_level for path in _walk(dist.site_dir, top)]
    return [path for path in paths if LEFT_OUT.search(path) is None], record


def _walk(site_dir: str, top: str) -> Iterable[str]:
    """Yield the sources of a package that no RECORD lists."""
    if is_file(f"{site_dir}/{top}.py"):
        yield f"{top}.py"
    waiting = [top] if is_folder(f"{site_dir}/{top}") else []
    left = _FOLDER_LIMIT
    while waiting:
        folder = waiting.pop()
        try:
            for entry in each_entry(f"{site_dir}/{folder}"):
                left -= 1
                if left < 0:
                    return
                if entry.name.endswith(".py"):
                    yield f"{folder}/{entry.name}"
                elif entry.name.isidentifier() and entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{folder}/{entry.name}")
        except ReadError:
            continue
