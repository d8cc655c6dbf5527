"""The modules of Python's standard library, by version.

From ``sys.stdlib_module_names``, ``sys.builtin_module_names`` and the library folders of Python 3.8 to 3.13, with the
"Removed" and "New Modules" sections of *What's New in Python* for 3.7, 3.8 and 3.14. Modules of every platform count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD: frozenset[str] = frozenset(
    """
    abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb
    binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections
    colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes
    curses dataclasses datetime dbm decimal difflib dis distutils doctest dummy_threading email encodings ensurepip
    enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc genericpath
    getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib
    inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath mailbox mailcap
    marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path
    numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform
    plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue
    quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil
    signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat
    statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile
    telnetlib tempfile termios test textwrap this threading time timeit tkinter token tokenize tomllib trace
    traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave
    weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc xxlimited xxlimited_35 xxsubtype zipapp zipfile
    zipimport zlib zoneinfo
    """.split()  # noqa: SIM905  a table is easier to read without quotes
)

# The first version without the module, and the first with it.
REMOVED_IN: Mapping[str, tuple[int, int]] = {
    "macpath": (3, 8),
    "dummy_threading": (3, 9),
    **dict.fromkeys(("formatter", "parser", "symbol"), (3, 10)),
    "binhex": (3, 11),
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(
        (
            *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        ),
        (3, 13),
    ),
}
_ADDED_IN: Mapping[str, tuple[int, int]] = {
    "contextvars": (3, 7),
    "dataclasses": (3, 7),
    "graphlib": (3, 9),
    "zoneinfo": (3, 9),
    "tomllib": (3, 11),
    "annotationlib": (3, 14),
    "compression": (3, 14),
}
# What there is instead: a module of the standard library, or a distribution that brings the old one back.
INSTEAD: Mapping[str, str] = {
    "distutils": "setuptools",
    "imp": "",
    "asyncore": "pyasyncore",
    "asynchat": "pyasynchat",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "telnetlib": "standard-telnetlib",
    "imghdr": "standard-imghdr",
    "sndhdr": "standard-sndhdr",
    "pipes": "standard-pipes",
    "crypt": "standard-crypt",
    "uu": "standard-uu",
    "xdrlib": "standard-xdrlib",
    "chunk": "standard-chunk",
    "aifc": "standard-aifc",
    "audioop": "audioop-lts",
    "nntplib": "standard-nntplib",
    "mailcap": "standard-mailcap",
    "sunau": "standard-sunau",
    "smtpd": "aiosmtpd",
    "tomllib": "tomli",
    "zoneinfo": "backports.zoneinfo",
}


def is_standard(name: str, version: tuple[int, int]) -> bool:
    """Say whether a top-level module belongs to the standard library of a version of Python."""
    if name.startswith("_"):
        return name in {"__future__", "__main__", "_typeshed"}
    if name not in STANDARD:
        return False
    removed = REMOVED_IN.get(name)
    if removed is not None and version >= removed:
        return False
    added = _ADDED_IN.get(name)
    return added is None or version >= added


def removed_in(name: str, version: tuple[int, int]) -> tuple[int, int] | None:
    """Return the version of Python that removed a top-level module, if the given one no longer has it."""
    removed = REMOVED_IN.get(name)
    return removed if removed is not None and version >= removed else None
