"""The headers of METADATA, PKG-INFO and WHEEL.

The standard library's parser of mail needs 48 ms for the METADATA of 288 distributions, of which it uses the part
before the first blank line; reading that part alone takes 5 ms. The format is the one of mail headers (PEP 566): a
line that starts with a blank continues the one before, the case of a name does not matter, some come repeatedly.
"""

from __future__ import annotations

from typing import NamedTuple

from envaudit.scan.names import short

# A requirement, a name or a tag has no more characters than this; a Description in the headers may have, and is cut.
_VALUE_LIMIT = 65536
# Half of all header lines, and nothing here needs them.
_SKIPPED = frozenset(("Classifier", "Project-URL", "License-File", "Dynamic"))


class Headers(NamedTuple):
    """Values of the headers by lower-case name, in order; what is wrong as ``(detail, line number)``.

    Classifiers, addresses and license files are left out.
    """

    values: dict[str, list[str]]
    problems: tuple[tuple[str, int | None], ...]

    def first(self, name: str) -> str:
        """Return the first value of a header, or an empty string."""
        values = self.values.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header that may be repeated, each on one line."""
        return tuple(value.replace("\n", " ") for value in self.values.get(name, ()))


def parse_headers(data: bytes) -> Headers:
    """Read headers up to the first blank line.

    A line that is neither a header nor a continuation ends the headers, as it does for pip and importlib.metadata;
    it is reported, because what follows it is lost to them. Bytes that are not UTF-8 are replaced and reported.
    """
    problems: list[tuple[str, int | None]] = []
    text = _head(data, problems)
    values: dict[str, list[str]] = {}
    current: list[str] = []  # values of the header that a continuation belongs to
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, value = line.partition(":")
        if name in _SKIPPED:
            current = []
            continue
        if line[:1] in {" ", "\t"} and number > 1:
            if current and len(current[-1]) <= _VALUE_LIMIT:
                current[-1] = f"{current[-1]}\n{line.strip()}"
            continue
        if not colon or not name or name[-1] == " ":
            if line.strip():
                problems.append((f"neither a header nor a continuation of one: {short(line)!r}", number))
            break
        if len(value) > _VALUE_LIMIT:
            problems.append((f"header {short(name)!r} has {len(value)} characters and was left out", number))
            current = []
            continue
        current = values.setdefault(name.lower(), [])
        current.append(value.strip())
    return Headers(values, tuple(problems))


def _head(data: bytes, problems: list[tuple[str, int | None]]) -> str:
    """Decode what stands before the first blank line."""
    if b"\r" in data[:_VALUE_LIMIT]:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    head, _, _ = data.partition(b"\n\n")
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        problems.append((f"not UTF-8: byte 0x{head[error.start]:02x}", line))
        return head.decode("utf-8-sig", "replace")
