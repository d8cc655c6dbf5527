"""A package index on this machine, as good or as bad as a test wants it; it stops by itself.

It speaks the Simple API in JSON and HTML. ``Behaviour`` says how it answers; ``requests`` is what it was asked.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import html
import json
import ssl
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.wheels import metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ENDLESS = 10 * 1024**3  # bytes that an endless answer promises
_BLOCK = bytes(1024 * 1024)
_PATIENCE = 60.0  # seconds after which even an endless answer ends


@dataclass
class Behaviour:
    """How the server answers.

    ``busy``: statuses for the first requests of each path, before it answers; ``retry_after`` goes with them. ``cut``:
    close the connection after so many bytes of a body; with ``cut_once`` only the first time. ``drip``: seconds
    between single bytes of every answer. ``redirect``: send files there. ``auth``: user and password it wants.
    ``ranges``: ``honest``, ``ignored`` (the whole file, status 200), ``endless`` (10 GB of zeros), ``other`` (another
    part than was asked for), ``moving`` (the size differs each time), ``refused`` (416). ``advisories``: what its JSON
    of releases says of ``project version``, an empty list of others; ``None`` when it has no such JSON. ``api`` is the
    version of the Simple API that it claims.
    """

    form: str = "json"
    ranges: str = "honest"
    metadata: str = "none"  # offered, wrong, gone
    etag: bool = False
    zipped: bool = False
    sizes: bool = True
    busy: tuple[int, ...] = ()
    retry_after: str = ""
    cut: int | None = None
    cut_once: bool = False
    drip: float = 0.0
    redirect: str = ""
    pages_redirect: str = ""
    auth: tuple[str, str] | None = None
    status: Mapping[str, str] | None = None
    advisories: Mapping[str, Any] | None = None
    api: str = "1.4"
    raw_page: bytes | None = None
    raw_type: str = JSON_TYPE
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # keys of single files in JSON


class Request(NamedTuple):
    """One request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]


class PackageIndex:
    """A running server; ``address`` is that of its Simple API."""

    def __init__(self, behaviour: Behaviour, certificate: str = "") -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.sent = 0
        self.seen: Counter[str] = Counter()
        self.files: dict[str, dict[str, bytes]] = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.root = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        self.address = f"{self.root}/simple/"

    def add(self, project: str, **files: bytes) -> None:
        """Offer files of a project."""
        self.files.setdefault(project, {}).update(files)

    def asked(self, part: str) -> list[Request]:
        """Return the requests whose path holds a text."""
        return [request for request in self.requests if part in request.path]

    def change(self, **behaviour: Any) -> None:
        """Behave otherwise from now on."""
        self.behaviour = replace(self.behaviour, **behaviour)


@contextmanager
def package_index(
    files: Mapping[str, Mapping[str, bytes]], *, certificate: str = "", **behaviour: Any
) -> Iterator[PackageIndex]:
    """Serve files, by project and file name, until the block ends; with a certificate and its key, over TLS."""
    index = PackageIndex(Behaviour(**behaviour), certificate)
    for project, offered in files.items():
        index.add(project, **offered)
    thread = threading.Thread(target=index.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.stopping.set()
        index.server.shutdown()
        index.server.server_close()
        thread.join(5)


def _handler(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # a client may go away whenever it likes
                super().handle()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_HEAD(self) -> None:
            """Tell the size of a file; ours does not ask, other clients do before they ask for parts."""
            project, _, name = self.path.removeprefix("/files/").partition("/")
            content = index.files.get(project, {}).get(name)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            with index.lock:
                index.requests.append(Request(self.path, headers))
                index.seen[self.path] += 1
                nth = index.seen[self.path]
            try:
                self.answer(headers, nth)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def answer(self, headers: Mapping[str, str], nth: int) -> None:
            behaviour = index.behaviour
            if behaviour.auth and headers.get("authorization") != _basic(*behaviour.auth):
                self.send(401, b"", {"WWW-Authenticate": 'Basic realm="packages"'})
            elif nth <= len(behaviour.busy):
                fields = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
                self.send(behaviour.busy[nth - 1], b"busy", fields)
            elif self.path.startswith("/simple/"):
                self.page(behaviour, headers)
            elif self.path.startswith("/pypi/"):
                self.document(behaviour)
            else:
                self.file(behaviour, headers, nth)

        def page(self, behaviour: Behaviour, headers: Mapping[str, str]) -> None:
            project = self.path.removeprefix("/simple/").strip("/")
            if behaviour.pages_redirect:
                self.send(302, b"", {"Location": behaviour.pages_redirect + self.path})
                return
            if behaviour.raw_page is not None:
                self.send(200, behaviour.raw_page, {"Content-Type": behaviour.raw_type})
                return
            if project not in index.files:
                self.send(404, b"no such project")
                return
            as_html = behaviour.form == "html"
            body = _html_page(index, project) if as_html else _json_page(index, project)
            fields = {"Content-Type": "text/html; charset=utf-8" if as_html else JSON_TYPE}
            if behaviour.etag:
                fields["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
                if headers.get("if-none-match") == fields["ETag"]:
                    self.send(304, b"", fields)
                    return
            if behaviour.zipped and "gzip" in headers.get("accept-encoding", ""):
                body, fields["Content-Encoding"] = gzip.compress(body), "gzip"
            self.send(200, body, fields)

        def document(self, behaviour: Behaviour) -> None:
            project, version, _ = self.path.removeprefix("/pypi/").split("/")
            if behaviour.advisories is None or project not in index.files:
                self.send(404, b"no such document")
                return
            told = behaviour.advisories.get(f"{project} {version}", [])
            body = {"info": {"name": project, "version": version}, "vulnerabilities": told}
            self.send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

        def file(self, behaviour: Behaviour, headers: Mapping[str, str], nth: int) -> None:
            project, _, name = self.path.removeprefix("/files/").partition("/")
            if behaviour.redirect:
                self.send(302, b"", {"Location": behaviour.redirect + self.path})
                return
            content = index.files.get(project, {}).get(name.removesuffix(".metadata"))
            if content is None:
                self.send(404, b"no such file")
            elif name.endswith(".metadata"):
                self.metadata(behaviour, content)
            elif "range" in headers and behaviour.ranges != "ignored":
                self.part(behaviour, content, headers["range"], nth)
            else:
                self.send(200, content)

        def metadata(self, behaviour: Behaviour, content: bytes) -> None:
            if behaviour.metadata in {"none", "gone"}:
                self.send(404, b"no metadata")
            else:
                found = metadata_of(content)
                self.send(200, found + b"Requires-Dist: evil\n" if behaviour.metadata == "wrong" else found)

        def part(self, behaviour: Behaviour, content: bytes, wanted: str, nth: int) -> None:
            if behaviour.ranges == "endless":
                self.endless()
                return
            if behaviour.ranges == "refused":
                self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, len(content) - int(last))
            end = min(int(last), len(content) - 1) if first and last else len(content) - 1
            if behaviour.ranges == "other":
                start, end = max(0, start - 7), end - 7
            size = len(content) + (nth - 1 if behaviour.ranges == "moving" else 0)
            self.send(206, content[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{size}"})

        def endless(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.end_headers()
            self.close_connection = True
            until = time.monotonic() + _PATIENCE
            sent = 0
            while sent < ENDLESS and time.monotonic() < until and not index.stopping.is_set():
                self.wfile.write(_BLOCK)
                sent += len(_BLOCK)
                with index.lock:
                    index.sent += len(_BLOCK)

        def send(self, status: int, body: bytes, fields: Mapping[str, str] | None = None) -> None:
            behaviour = index.behaviour
            self.send_response(status)
            for name, value in (fields or {}).items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = behaviour.cut
            if cut is not None and len(body) > cut and not (behaviour.cut_once and index.seen[self.path] > 1):
                self.wfile.write(body[:cut])
                self.close_connection = True
            elif behaviour.drip:
                for position in range(len(body)):
                    if index.stopping.wait(behaviour.drip):
                        break
                    self.wfile.write(body[position : position + 1])
                    self.wfile.flush()
            else:
                self.wfile.write(body)

    return Handler


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _json_page(index: PackageIndex, project: str) -> bytes:
    behaviour = index.behaviour
    files = []
    for name, content in index.files[project].items():
        entry: dict[str, Any] = {
            "filename": name,
            "url": f"../../files/{project}/{name}",
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "requires-python": ">=3.9",
            "yanked": False,
            "upload-time": "2024-03-01T12:00:00.000000Z",
        }
        if behaviour.sizes:
            entry["size"] = len(content)
        if behaviour.metadata != "none" and name.endswith(".whl"):
            entry["core-metadata"] = {"sha256": hashlib.sha256(metadata_of(content)).hexdigest()}
        files.append({**entry, **behaviour.extra.get(name, {})})
    page: dict[str, Any] = {"meta": {"api-version": behaviour.api}, "name": project, "files": files}
    if behaviour.status:
        page["project-status"] = dict(behaviour.status)
    return json.dumps(page).encode()


def _html_page(index: PackageIndex, project: str) -> bytes:
    behaviour = index.behaviour
    meta = f'<meta name="pypi:repository-version" content="{behaviour.api}">'
    lines = ["<!DOCTYPE html>", "<html><head>", meta]
    if behaviour.status:
        lines.append(f'<meta name="pypi:project-status" content="{html.escape(behaviour.status["status"])}">')
        reason = html.escape(behaviour.status.get("reason", ""))
        lines.append(f'<meta name="pypi:project-status-reason" content="{reason}">')
    lines.append("</head><body>")
    for name, content in index.files[project].items():
        more = behaviour.extra.get(name, {})
        attributes = 'data-requires-python="&gt;=3.9"'
        if more.get("yanked"):
            attributes += f' data-yanked="{html.escape(str(more["yanked"]))}"'
        if behaviour.metadata != "none" and name.endswith(".whl"):
            attributes += f' data-core-metadata="sha256={hashlib.sha256(metadata_of(content)).hexdigest()}"'
        digest = hashlib.sha256(content).hexdigest()
        lines.append(f'<a href="../../files/{project}/{name}#sha256={digest}" {attributes}>{name}</a><br>')
    return "\n".join([*lines, "</body></html>"]).encode()
