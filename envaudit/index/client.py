"""Ask the indexes: what there is of a project, and what a file of it says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from envaudit.index.clock import Deadline, run_all
from envaudit.index.credentials import CredentialBook, origin_of
from envaudit.index.failure import RemoteError, shown
from envaudit.index.folder import PAGE_LIMIT, read_flat_folder, read_folder_index
from envaudit.index.kept import Kept, Page
from envaudit.index.kept_release import dump_project, load_project
from envaudit.index.pages import ACCEPT, parse_page
from envaudit.index.remote_file import LocalFile, RemoteFile, local_path
from envaudit.index.transport import Transport
from envaudit.index.wheels import METADATA_LIMIT, check_digest, metadata_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.utils import NormalizedName

    from envaudit.index.remote_file import PartedFile
    from envaudit.index.sources import Sources
    from envaudit.index.values import IndexFile, Project

SECONDS = 60.0  # for everything that one run asks
_RELEASE = "release-1"
DOCUMENT_LIMIT = 8 * 1024 * 1024  # bytes of what an index says about one release


class Offer(NamedTuple):
    """What the indexes offer of a project: a page from each that has it, in order.

    ``failures`` are indexes that could not be asked: with one of them, nothing that is missing is known to be missing.
    """

    pages: tuple[Project, ...]
    failures: tuple[RemoteError, ...] = ()

    @property
    def files(self) -> tuple[IndexFile, ...]:
        """All files, those of the first index first."""
        return tuple(file for page in self.pages for file in page.files)

    def of_version(self, version: str) -> tuple[IndexFile, ...]:
        """Return the files of a version, however it is spelled."""
        return tuple(file for page in self.pages for file in page.of_version(version))


class Index:
    """The indexes of a run. Answers are remembered, and kept in ``cache_folder`` unless that is empty.

    ``offline`` opens no socket: only what is kept, however old, and folders of this machine answer.
    """

    def __init__(
        self,
        sources: Sources,
        environ: Mapping[str, str],
        *,
        cache_folder: str = "",
        offline: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        book = CredentialBook(environ, keyring=not offline)
        self._indexes = tuple(_with_slash(book.learn(address)) for address in sources.indexes)
        self._find_links = tuple(book.learn(address) for address in sources.find_links)
        self._transport = Transport(
            book, offline=offline, ca_bundle=sources.ca_bundle, trusted_hosts=sources.trusted_hosts
        )
        self._kept = Kept(cache_folder)
        self._offers: dict[NormalizedName, Offer | RemoteError] = {}
        self._releases: dict[tuple[NormalizedName, str], Offer | RemoteError] = {}
        self._asked: set[str] = set()  # addresses of pages, in this run
        self.offline = offline
        self.deadline = Deadline(seconds)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are asked, as they may be shown."""
        return tuple(shown(address) for address in (*self._indexes, *self._find_links))

    @property
    def requests_made(self) -> int:
        """How many requests were sent."""
        return self._transport.requests_made

    def project(self, name: str) -> Offer:
        """Return what there is of a project; raises ``RemoteError``, of kind ``missing`` when no index has it."""
        key = canonicalize_name(name)
        answer = self.projects([key])[key]
        if isinstance(answer, RemoteError):
            raise answer
        return answer

    def releases(self, pins: Iterable[tuple[str, str]]) -> dict[tuple[NormalizedName, str], Offer | RemoteError]:
        """Return what there is of exact versions: offers with the files of this version alone.

        That is kept apart from the pages, of which some have thousands of files: a run with known pins reads none. What
        is not there by what is kept is asked for again, since it may have been published a minute ago.
        """
        wanted = list(dict.fromkeys((canonicalize_name(name), version) for name, version in pins))
        new = [pin for pin in wanted if pin not in self._releases]
        calls = [partial(self._offer, key, version) for key, version in new]
        self._releases.update(zip(new, run_all(calls, self.deadline), strict=True))
        absent = [pin for pin in new if _is_absent(self._releases[pin])] if not self.offline else []
        calls = [partial(self._offer, key, version, renew=True) for key, version in absent]
        self._releases.update(zip(absent, run_all(calls, self.deadline), strict=True))
        return {pin: self._releases[pin] for pin in wanted}

    def fetch_pages(self, names: Iterable[str]) -> None:
        """Fetch the pages of projects that are not kept or too old, so that they are there when they are asked for."""
        keys = dict.fromkeys(canonicalize_name(name) for name in names)
        places = [f"{each}{key}/" for key in keys for each in self._indexes if not each.startswith("file:")]
        stale = [place for place in places if not self._kept.has_fresh(place)]
        run_all([partial(self._page, place) for place in stale], self.deadline)

    def projects(self, names: Iterable[str]) -> dict[NormalizedName, Offer | RemoteError]:
        """Return what there is of each project, asked for a few at a time."""
        keys = list(dict.fromkeys(canonicalize_name(name) for name in names))
        new = [key for key in keys if key not in self._offers]
        for key, answer in zip(new, run_all([partial(self._offer, key) for key in new], self.deadline), strict=True):
            self._offers[key] = answer
        return {key: self._offers[key] for key in keys}

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; raises ``RemoteError``."""
        answer = self.all_metadata([file])[0]
        if isinstance(answer, RemoteError):
            raise answer
        return answer

    def all_metadata(self, files: Iterable[IndexFile]) -> list[bytes | RemoteError]:
        """Return the METADATA of wheels, in their order."""
        return run_all([partial(self._metadata, file) for file in files], self.deadline)

    def open(self, file: IndexFile) -> PartedFile:
        """Return a file to read parts of. No request is made, and reading is up to the caller's thread.

        Raises ``RemoteError`` when the index gave no usable address.
        """
        if not file.url:
            raise RemoteError(file.name, "its link on the index leads to no place that is followed", "wrong")
        if file.url.startswith("file:"):
            return LocalFile(file.url)
        return RemoteFile(self._transport, file.url, self.deadline, size=file.size, sha256=file.sha256)

    def lasting(self, kind: str, file: IndexFile) -> bytes | None:
        """Return what was kept about the content of a file, by its sha256."""
        return self._kept.lasting(kind, _digest_of(file)) if file.sha256 else None

    def keep(self, kind: str, file: IndexFile, content: bytes) -> None:
        """Keep something about the content of a file that the index has a sha256 of."""
        if file.sha256:
            self._kept.put_lasting(kind, _digest_of(file), content)

    def document(self, address: str) -> bytes:
        """Return a JSON document of an index, kept as pages are; raises ``RemoteError``."""
        return self._page(address, "application/json", DOCUMENT_LIMIT).body

    def is_silent(self, about: str) -> bool:
        """Say whether an index was found to have no documents of a kind, or no such page, not long ago."""
        kept = self._kept.page(f"silent {about}")
        return kept is not None and kept.fresh

    def keep_silent(self, about: str) -> None:
        """Keep for as long as a page that an index has none."""
        if not self.is_silent(about):
            self._kept.put_page(f"silent {about}", Page(b"", "", "", "", 0.0))

    def close(self) -> None:
        """Close connections."""
        self._transport.close()

    def _offer(self, key: NormalizedName, version: str = "", *, renew: bool = False) -> Offer:
        pages: list[Project] = []
        failures: list[RemoteError] = []
        missing: RemoteError | None = None
        asked = [*(partial(self._from_index, each, version=version, renew=renew) for each in self._indexes)]
        asked += [partial(self._from_links, each) for each in self._find_links]
        for ask in asked:
            try:
                page = ask(key)
            except RemoteError as error:
                if error.kind == "missing":
                    missing = missing or error
                else:
                    failures.append(error)
            else:
                pages.append(page)
        if not pages:
            raise next(iter(failures), missing) or RemoteError("", "no index is named that could be asked", "offline")
        return Offer(tuple(pages), tuple(failures))

    def _from_index(self, address: str, key: NormalizedName, *, version: str = "", renew: bool = False) -> Project:
        if address.startswith("file:"):
            return read_folder_index(address, key)
        place = f"{address}{key}/"
        kept = self._kept.page(f"{_RELEASE} {version} {place}") if version and not renew else None
        if kept is not None and (kept.fresh or self.offline):
            project = load_project(kept.body)
            if project is not None:
                return project
        page = self._page(place, renew=renew)
        whole = parse_page(page.body, page.content_type, page.url, key)
        if not version:
            return whole
        one = whole._replace(files=whole.of_version(version))
        self._kept.put_page(f"{_RELEASE} {version} {place}", Page(dump_project(one), page.url, "", "", page.age))
        return one

    def _from_links(self, address: str, key: NormalizedName) -> Project:
        if address.startswith("file:"):
            return read_flat_folder(local_path(address), key)
        page = self._page(address)
        project = parse_page(page.body, page.content_type, page.url, key)
        if not project.files:
            raise RemoteError(address, f"there is no {key}", "missing")
        return project

    def _page(self, address: str, accept: str = ACCEPT, limit: int = PAGE_LIMIT, *, renew: bool = False) -> Page:
        """Return a page: the kept one while it is fresh, else what the index answers.

        With ``renew`` only what this run has asked for itself is fresh enough.
        """
        kept = self._kept.page(address)
        renew = renew and address not in self._asked
        if kept is not None and (kept.fresh or self.offline) and not renew:
            return kept
        if self.is_silent(address) and not renew:
            raise RemoteError(address, "there is no such thing, as it said not long ago", "missing")
        headers = {"Accept": accept}
        if kept is not None and kept.etag:
            headers["If-None-Match"] = kept.etag
        self._asked.add(address)
        try:
            answer = self._transport.get(address, limit, self.deadline, headers)
        except RemoteError as error:
            if error.kind == "missing":
                self.keep_silent(address)
            raise
        if answer.status == 304 and kept is not None:
            page = kept._replace(age=0.0)
        elif answer.status == 200:
            kind = answer.headers.get("content-type", "")
            page = Page(answer.body, answer.url, kind, answer.headers.get("etag", ""), 0.0)
        else:
            raise RemoteError(address, f"unexpected status {answer.status}", "wrong")
        self._kept.put_page(address, page)
        return page

    def _metadata(self, file: IndexFile) -> bytes:
        if not file.is_wheel:
            raise RemoteError(file.url, "only a wheel says what it needs without being built", "missing")
        kept = self.lasting("metadata", file)
        if kept is not None:
            return kept
        content = self._beside(file)
        if content is None:
            content = metadata_in(self.open(file))
        self.keep("metadata", file, content)
        return content

    def _beside(self, file: IndexFile) -> bytes | None:
        """Return the METADATA that the index says it serves beside a wheel; ``None`` when there is none after all."""
        if file.metadata is None or not file.url or file.url.startswith("file:"):
            return None
        address = f"{file.url}.metadata"
        try:
            content = self._transport.get(address, METADATA_LIMIT, self.deadline).body
        except RemoteError as error:
            if error.kind == "missing":
                return None
            raise
        check_digest(file, address, content)
        return content


def _with_slash(address: str) -> str:
    return address if address.endswith("/") else f"{address}/"


def _digest_of(file: IndexFile) -> str:
    """Name the content of a file: one host must not be able to say what another one's files hold."""
    return f"{file.sha256} {' '.join(str(part) for part in origin_of(file.url))}"


def _is_absent(answer: Offer | RemoteError) -> bool:
    """Say whether the indexes have no such release, by what they said."""
    return answer.kind == "missing" if isinstance(answer, RemoteError) else not answer.files
