"""Reading the files of one info folder: each at most once, and every failure noted instead of raised."""

from __future__ import annotations

from envaudit.errors import ReadError
from envaudit.files import list_folder, read_bytes
from envaudit.model import MetadataProblem
from envaudit.scan.headers import Headers, parse_headers


class InfoReader:
    """The files ``names`` of a folder; ``problems`` collects what is wrong with them."""

    def __init__(self, path: str, names: frozenset[str]) -> None:
        self.path = path
        self.names = names
        self.problems: list[MetadataProblem] = []

    @classmethod
    def of_folder(cls, path: str) -> InfoReader:
        """Return a reader of everything in a folder; of nothing, with a problem noted, when it cannot be listed."""
        try:
            return cls(path, frozenset(entry.name for entry in list_folder(path)))
        except ReadError as error:
            reader = cls(path, frozenset())
            reader.problem("unreadable", "", str(error))
            return reader

    def problem(self, kind: str, name: str, detail: str, line: int | None = None) -> None:
        """Note what is wrong with a file of the folder (or with the folder, when ``name`` is empty)."""
        path = f"{self.path}/{name}" if name else self.path
        self.problems.append(MetadataProblem(kind, path, detail, line))

    def bytes(self, name: str, kind: str) -> bytes | None:
        """Return the content of a file, ``None`` when there is none or it cannot be read (noted as ``kind``)."""
        if name not in self.names:
            return None
        try:
            return read_bytes(f"{self.path}/{name}")
        except ReadError as error:
            self.problem(kind, name, str(error))
            return None

    def text(self, name: str, kind: str) -> str:
        """Return the text of a file, empty when there is none; bytes that are not UTF-8 are replaced and noted."""
        data = self.bytes(name, kind)
        if data is None:
            return ""
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.problem(
                kind, name, f"not UTF-8: byte 0x{data[error.start]:02x}", data.count(b"\n", 0, error.start) + 1
            )
            return data.decode("utf-8-sig", "replace")

    def headers(self, name: str, kind: str) -> Headers | None:
        """Return the headers of a file, ``None`` when there is none or it cannot be read."""
        data = self.bytes(name, kind)
        if data is None:
            return None
        headers = parse_headers(data)
        for detail, line in headers.problems:
            self.problem(kind, name, detail, line)
        return headers
