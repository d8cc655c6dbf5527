"""Requests to an index: few, named, patient with a busy server, bounded in bytes and time, careful with credentials."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from envaudit import __version__
from envaudit.files_seen import doubt
from envaudit.index.credentials import origin_of
from envaudit.index.failure import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

    from envaudit.index.clock import Deadline
    from envaudit.index.credentials import CredentialBook, Credentials

USER_AGENT = f"pyenvaudit/{__version__} (checks requirements; asks little and keeps what it was told)"

ATTEMPTS = 4
REDIRECTS = 5
FIRST_PAUSE = 0.5  # seconds; doubled with each attempt
_CHUNK = 64 * 1024
_BUSY = frozenset({429, 500, 502, 503, 504})
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 20.0


class Answer(NamedTuple):
    """What a server answered: status, header fields (names in lower case), body, and where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class _TryAgainError(Exception):
    """The same request may succeed a little later; ``after`` is what the server asked for, in seconds."""

    def __init__(self, failure: RemoteError, after: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.after = after


class Transport:
    """Makes requests with one session for each thread that is at work. ``offline`` makes none.

    ``ca_bundle`` is a file of certificates to trust in place of the usual ones. ``trusted_hosts`` are trusted without
    a valid certificate, as pip's setting of this name says.
    """

    def __init__(
        self,
        credentials: CredentialBook,
        *,
        offline: bool = False,
        ca_bundle: str = "",
        trusted_hosts: frozenset[str] = frozenset(),
    ) -> None:
        doubt("what an index says changes without a file")  # nor is what is kept of it good for ever
        self.credentials = credentials
        self.offline = offline
        self.requests_made = 0
        self.bytes_read = 0
        self._ca_bundle = ca_bundle
        self._trusted_hosts = trusted_hosts
        self._idle: list[requests.Session] = []
        self._lock = threading.Lock()

    def get(
        self, url: str, limit: int, deadline: Deadline, headers: Mapping[str, str] | None = None, *, whole: int = 0
    ) -> Answer:
        """Return the answer to GET with a body of at most ``limit`` bytes; raises ``RemoteError``.

        Statuses 200, 206, 304 and 416 are answers, all others are failures. ``whole`` is the limit for a status of 200
        where a part was asked for: 0 for the same limit.
        """
        if self.offline:
            raise RemoteError(url, "not asked, because of --offline", "offline")
        for attempt in range(ATTEMPTS):
            deadline.check(url)
            try:
                return self._follow(url, limit, deadline, headers or {}, whole or limit)
            except _TryAgainError as again:
                pause = FIRST_PAUSE * 2**attempt if again.after is None else again.after
                if attempt + 1 == ATTEMPTS or pause >= deadline.left():
                    raise again.failure from again
                time.sleep(pause)
        raise AssertionError  # the last attempt raises

    def _follow(self, url: str, limit: int, deadline: Deadline, headers: Mapping[str, str], whole: int) -> Answer:
        """Follow redirects: at most a few, never from https to http, and with the credentials of each host."""
        place = url
        asked_again = False
        for _ in range(REDIRECTS + 2):
            credentials = self._credentials(place)
            with self._response(place, headers, credentials, deadline) as response:
                status = response.status_code
                if status in _REDIRECT and response.headers.get("location"):
                    place = _redirected(place, response.headers["location"])
                    continue
                if status == 401 and not asked_again:
                    asked_again = True
                    if self.credentials.after_refusal(place) is not None:
                        continue
                _check_status(place, response)
                fields = {name.lower(): value for name, value in response.headers.items()}
                allowed = limit if "range" not in {name.lower() for name in headers} or status == 206 else whole
                body = b"" if status in {304, 416} else self._body(place, response, allowed, deadline)
                return Answer(status, fields, body, place)
        raise RemoteError(url, f"more than {REDIRECTS} redirects", "wrong")

    def _credentials(self, url: str) -> Credentials | None:
        try:
            return self.credentials.of(url)
        except ValueError as error:
            raise RemoteError(url, "no address of a server", "wrong") from error

    @contextmanager
    def _response(
        self, url: str, headers: Mapping[str, str], credentials: Credentials | None, deadline: Deadline
    ) -> Iterator[requests.Response]:
        """Send one request; what goes wrong with it, also while its body is read, is an ``RemoteError`` or a retry."""
        import http.client  # noqa: PLC0415

        import requests  # noqa: PLC0415  0.2 s, which only those who use the network pay
        import urllib3  # noqa: PLC0415

        session = self._take()
        timeout = (min(_CONNECT_SECONDS, deadline.left() + 0.1), min(_READ_SECONDS, deadline.left() + 0.1))
        usable = False
        response = None
        try:
            response = session.get(
                url,
                headers=dict(headers),
                auth=_signer(credentials),
                stream=True,
                allow_redirects=False,
                timeout=timeout,
                verify=self._verify(url),
            )
            yield response
            usable = True
        except requests.exceptions.SSLError as error:
            raise RemoteError(url, f"its certificate is not trusted: {_innermost(error)}", "unreachable") from error
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            reason = f"no answer, or the connection broke: {_innermost(error)}"
            raise _TryAgainError(RemoteError(url, reason, "unreachable")) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            raise RemoteError(url, f"no usable answer: {_innermost(error)}", "wrong") from error
        except (OSError, ValueError) as error:
            raise RemoteError(url, f"no usable answer: {_innermost(error)}", "wrong") from error
        finally:
            if response is not None:
                response.close()  # a body that was not read to its end is not read at all
            if usable:
                with self._lock:
                    self._idle.append(session)
            else:
                session.close()

    def _take(self) -> requests.Session:
        with self._lock:
            self.requests_made += 1
            if self._idle:
                return self._idle.pop()
        import http.cookiejar  # noqa: PLC0415

        import requests  # noqa: PLC0415

        session = requests.Session()
        session.headers["User-Agent"] = USER_AGENT
        if self._trusted_hosts:
            import urllib3  # noqa: PLC0415

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has asked for it
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return session

    def _verify(self, url: str) -> bool | str | None:
        """Return what ``requests`` is told about certificates: ``None`` leaves it to its own variables."""
        _, host, port = origin_of(url)
        if host in self._trusted_hosts or f"{host}:{port}" in self._trusted_hosts:
            return False
        return self._ca_bundle or None

    def _body(self, url: str, response: requests.Response, limit: int, deadline: Deadline) -> bytes:
        """Read a body of at most ``limit`` bytes, counted after decompression."""
        stated = response.headers.get("content-length", "")
        encoded = response.headers.get("content-encoding", "identity") != "identity"
        length = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else None
        if length is not None and length > limit:
            raise RemoteError(url, f"{length} bytes, more than the {limit} that are read", "too-large")
        chunks = []
        total = 0
        for chunk in response.iter_content(_CHUNK):
            total += len(chunk)
            if total > limit:
                raise RemoteError(url, f"more than the {limit} bytes that are read", "too-large")
            chunks.append(chunk)
            deadline.check(url)
        if length is not None and not encoded and total < length:
            raise _TryAgainError(RemoteError(url, f"it ended after {total} of {length} bytes", "unreachable"))
        with self._lock:
            self.bytes_read += total
        return b"".join(chunks)

    def close(self) -> None:
        """Close the sessions that are not at work."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()


def _check_status(url: str, response: requests.Response) -> None:
    """Raise what a status means unless it is an answer."""
    status = response.status_code
    if status in {200, 206, 304, 416}:
        return
    if status in {404, 410}:
        raise RemoteError(url, f"there is no such thing (status {status})", "missing")
    if status in {401, 403, 407}:
        raise RemoteError(url, f"it wants other credentials (status {status})", "refused")
    if status in _BUSY:
        failure = RemoteError(url, f"the server is busy or broken (status {status})", "busy")
        raise _TryAgainError(failure, _retry_after(response.headers.get("retry-after", "")))
    raise RemoteError(url, f"unexpected status {status}", "wrong")


def _retry_after(value: str) -> float | None:
    """Return the seconds a server asks to wait, given as a number or as a date; ``None`` when it does not say."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads; raises ``RemoteError`` when that is no place to go."""
    try:
        target = urljoin(url, location)
        scheme, host, _ = origin_of(target)
        at = "@" in target.partition("://")[2].partition("/")[0]
    except ValueError as error:
        raise RemoteError(url, "it redirects to something that is no address", "wrong") from error
    if scheme not in {"http", "https"} or not host or at or (url.startswith("https:") and scheme != "https"):
        raise RemoteError(url, f"it redirects to {target}, which is not followed", "wrong")
    return target


def _signer(credentials: Credentials | None) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return what signs a request; also without credentials, so that ``requests`` looks for none of its own."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if credentials is not None:
            import base64  # noqa: PLC0415

            pair = f"{credentials.user}:{credentials.password}".encode()
            request.headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        return request

    return sign


def _innermost(error: BaseException) -> str:
    """Return the text of what went wrong first, without the layers around it."""
    seen = 0
    while seen < 10 and (inner := error.__cause__ or error.__context__) is not None:
        error, seen = inner, seen + 1
    return str(error)[:200] or type(error).__name__
