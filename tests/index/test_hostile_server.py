"""Servers that are slow, broken, lying or after our credentials: a right answer or a failure, in bounded time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.index import RemoteError, Sources
from envaudit.index.clock import Deadline, run_all
from envaudit.index.failure import without_userinfo
from tests.index.conftest import WHEEL
from tests.support.package_index import package_index
from tests.support.wheels import metadata_of, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envaudit.index import Index

    Ask = Callable[..., Index]
    Files = dict[str, dict[str, bytes]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envaudit.index.transport.FIRST_PAUSE", 0.02)


def _metadata(index: Index) -> bytes:
    return index.metadata(index.project("demo").files[0])


# --- broken servers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int, demo: Files, ask: Ask) -> None:
    with package_index(demo, busy=(status, status)) as server:
        assert _metadata(ask(server.address)) == metadata_of(demo["demo"][WHEEL])
        assert server.seen["/simple/demo/"] == 3


def test_a_server_that_stays_busy_is_left_alone(demo: Files, ask: Ask) -> None:
    with package_index(demo, busy=(503,) * 50) as server:
        with pytest.raises(RemoteError, match="status 503") as caught:
            ask(server.address).project("demo")
        assert caught.value.kind == "busy"
        assert server.seen["/simple/demo/"] == 4


def test_what_a_server_asks_to_wait_is_waited(demo: Files, ask: Ask) -> None:
    with package_index(demo, busy=(429,), retry_after="1") as server:
        started = time.monotonic()
        assert ask(server.address).project("demo").files
        assert 1.0 <= time.monotonic() - started < 5.0


@pytest.mark.parametrize("when", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_nobody_waits_longer_than_there_is_time(when: str, demo: Files, ask: Ask) -> None:
    with package_index(demo, busy=(429,) * 9, retry_after=when) as server:
        started = time.monotonic()
        with pytest.raises(RemoteError) as caught:
            ask(server.address, seconds=5.0).project("demo")
        assert caught.value.kind == "busy"
        assert time.monotonic() - started < 2.0
        assert len(server.requests) == 1


def test_a_connection_that_breaks_is_tried_again(demo: Files, ask: Ask) -> None:
    with package_index(demo, cut=10, cut_once=True) as server:
        assert _metadata(ask(server.address)) == metadata_of(demo["demo"][WHEEL])
    with package_index(demo, cut=10) as server, pytest.raises(RemoteError) as caught:
        ask(server.address).project("demo")
    assert caught.value.kind == "unreachable"


def test_no_server_at_all(ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(RemoteError) as caught:
            ask(f"http://127.0.0.1:{unused.getsockname()[1]}/simple/").project("demo")
    assert caught.value.kind == "unreachable"


def test_a_server_that_never_answers_costs_no_more_than_the_deadline(ask: Ask) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(RemoteError) as caught:
            ask(f"http://127.0.0.1:{silent.getsockname()[1]}/simple/", seconds=1.0).project("demo")
        assert time.monotonic() - started < 3.0
    assert caught.value.kind in {"deadline", "unreachable"}


def test_a_server_that_sends_a_byte_now_and_then_as_well(demo: Files, ask: Ask) -> None:
    with package_index(demo, drip=0.2) as server:
        started = time.monotonic()
        with pytest.raises(RemoteError, match="within the 1 seconds") as caught:
            ask(server.address, seconds=1.0).project("demo")
        assert time.monotonic() - started < 2.5
    assert caught.value.kind == "deadline"


def test_calls_that_hang_do_not_hold_up_the_others() -> None:
    def hang() -> str:
        time.sleep(5)
        return "late"

    started = time.monotonic()
    answers = run_all([hang, lambda: "at once"], Deadline(0.4))
    assert time.monotonic() - started < 2.0
    assert isinstance(answers[0], RemoteError)
    assert answers[1] == "at once"


def test_an_error_of_our_own_is_not_taken_for_one_of_the_server() -> None:
    def wrong() -> str:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        run_all([wrong], Deadline(5))


# --- too much --------------------------------------------------------------------------------------------------------


@pytest.fixture
def _measured() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("_measured")
def test_ten_gigabytes_in_answer_to_a_part_are_not_read(demo: Files, ask: Ask) -> None:
    with package_index(demo, ranges="endless") as server:
        index = ask(server.address)
        file = index.project("demo").files[0]
        tracemalloc.reset_peak()
        started = time.monotonic()
        with pytest.raises(RemoteError, match="more than the 16777216 bytes") as caught:
            index.metadata(file)
        assert time.monotonic() - started < 5.0
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
        assert server.sent < 64 * 1024 * 1024, "the connection was closed"
    assert caught.value.kind == "too-large"


@pytest.mark.usefixtures("_measured")
def test_a_page_that_unpacks_to_far_too_much_is_not_unpacked(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    packed = gzip.compress(b'{"files": [' + b" " * 200_000_000 + b"]}", 1)
    with package_index({}, raw_page=b"") as server:

        def send_packed(handler: Any, status: int, body: bytes, fields: dict[str, str]) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Encoding", "gzip")
            handler.send_header("Content-Length", str(len(packed)))
            handler.end_headers()
            handler.wfile.write(packed)

        monkeypatch.setattr(server.server.RequestHandlerClass, "send", send_packed)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(RemoteError) as caught:
            ask(server.address).project("demo")
        assert tracemalloc.get_traced_memory()[1] - before < 160 * 1024 * 1024
    assert caught.value.kind == "too-large"


def test_redirects_in_a_circle_end(demo: Files, ask: Ask) -> None:
    with package_index(demo) as server:
        server.change(pages_redirect=server.root)
        with pytest.raises(RemoteError, match="redirects") as caught:
            ask(server.address).project("demo")
        assert len(server.requests) < 10
    assert caught.value.kind == "wrong"


@pytest.mark.parametrize("place", ["file:///etc", "ftp://127.0.0.1", "http://[", "http://a:b@127.0.0.1:1"])
def test_redirects_lead_to_servers_alone(place: str, demo: Files, ask: Ask) -> None:
    with package_index(demo, pages_redirect=place) as server, pytest.raises(RemoteError) as caught:
        ask(server.address).project("demo")
    assert caught.value.kind == "wrong"
    assert "a:b" not in str(caught.value)


# --- parts that are not what was asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", ["other", "moving", "refused"])
@pytest.mark.parametrize("sizes", [True, False])
def test_a_wrong_part_is_a_failure(ranges: str, sizes: bool, ask: Ask) -> None:
    content = wheel("demo", "1.0", files={"demo/data": os.urandom(300_000)})
    with package_index({"demo": {WHEEL: content}}, ranges=ranges, sizes=sizes) as server:
        index = ask(server.address)
        file = index.project("demo").files[0]
        part = index.open(file)

        def read_twice() -> None:
            for _ in range(2):
                part.tail(100)
                part.read(10, 50)

        with pytest.raises(RemoteError) as caught:
            read_twice()
    assert caught.value.kind == "wrong"


def test_a_size_that_the_index_made_up_is_noticed(demo: Files, ask: Ask) -> None:
    for ranges in ("honest", "ignored"):
        with package_index(demo, ranges=ranges, extra={WHEEL: {"size": 10**6}}) as server:
            index = ask(server.address)
            file = index.project("demo").files[0]
            with pytest.raises(RemoteError):
                index.metadata(file)


def test_a_whole_file_with_another_digest_is_refused(demo: Files, ask: Ask) -> None:
    with package_index(demo, ranges="ignored", extra={WHEEL: {"hashes": {"sha256": "0" * 64}}}) as server:
        index = ask(server.address)
        file = index.project("demo").files[0]
        with pytest.raises(RemoteError, match="sha256 is not the one"):
            index.metadata(file)


# --- credentials -----------------------------------------------------------------------------------------------------

SECRET = "s3cr3t/with@signs"
QUOTED = "s3cr3t%2Fwith%40signs"


def _with_user(address: str, user: str = "ann", password: str = QUOTED) -> str:
    return address.replace("http://", f"http://{user}:{password}@")


def test_credentials_in_an_address_are_used(demo: Files, ask: Ask) -> None:
    with package_index(demo, auth=("ann", SECRET)) as server:
        index = ask(_with_user(server.address))
        assert b"demo" in _metadata(index)
        assert index.addresses == (server.address,)
        assert SECRET not in repr(index.project("demo"))


def test_credentials_are_not_sent_to_another_host_by_a_redirect(demo: Files, ask: Ask) -> None:
    with package_index(demo) as elsewhere, package_index(demo, auth=("ann", SECRET)) as server:
        server.change(redirect=elsewhere.root)
        assert b"demo" in _metadata(ask(_with_user(server.address)))
        assert elsewhere.requests
        assert not [request for request in elsewhere.requests if "authorization" in request.headers]
        assert all("authorization" in request.headers for request in server.requests)


def test_nor_by_a_page_or_its_links(demo: Files, ask: Ask) -> None:
    with package_index(demo) as elsewhere, package_index(demo, auth=("ann", SECRET)) as server:
        server.change(pages_redirect=elsewhere.root)
        assert b"demo" in _metadata(ask(_with_user(server.address)))
        server.change(pages_redirect="", extra={WHEEL: {"url": f"{elsewhere.root}/files/demo/{WHEEL}"}})
        assert b"demo" in _metadata(ask(_with_user(server.address)))
        assert len(elsewhere.asked("/files/")) >= 2
        assert not [request for request in elsewhere.requests if "authorization" in request.headers]


def test_credentials_come_from_netrc(demo: Files, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text("machine 127.0.0.1 login bob password from-netrc\n")
    netrc.chmod(0o600)
    with package_index(demo, auth=("bob", "from-netrc")) as server:
        assert b"demo" in _metadata(ask(server.address))
        assert b"demo" in _metadata(ask(server.address, environ={"HOME": "/nowhere", "NETRC": str(netrc)}))


def test_credentials_come_from_the_keyring_command_when_others_are_refused(
    demo: Files, ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "keyring"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$3" = ann ] && echo from-keyring\n')
    program.chmod(0o755)
    with package_index(demo, auth=("ann", "from-keyring")) as server:
        assert b"demo" in _metadata(ask(_with_user(server.address, password="old")))
        asked = (tmp_path / "asked").read_text().splitlines()
        assert asked == [f"get {server.root}/ ann"], "once, and only after a refusal"


def test_a_keyring_that_hangs_or_fails_is_no_help(demo: Files, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "keyring"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with package_index(demo, auth=("ann", "x")) as server, pytest.raises(RemoteError) as caught:
        ask(server.address).project("demo")
    assert caught.value.kind == "refused"


def test_no_failure_shows_credentials(demo: Files, ask: Ask, tmp_path: Path) -> None:
    """Every way to fail that has an address in it, with a password and a token in the address."""
    texts = []
    behaviours: list[dict[str, Any]] = [
        {"busy": (503,) * 9},
        {"cut": 3},
        {"raw_page": b"x", "raw_type": "text/plain"},
        {"auth": ("other", "x")},
        {"pages_redirect": "file:///x"},
    ]
    for behaviour in behaviours:
        with package_index(demo, **behaviour) as server, pytest.raises(RemoteError) as caught:
            ask(_with_user(server.address)).project("demo")
        texts.append(str(caught.value))
    for index in (
        ask(f"http://ann:{QUOTED}@127.0.0.1:1/simple/?token={QUOTED}"),
        ask(f"http://ann:{QUOTED}@127.0.0.1:1/simple/", offline=True),
        ask(f"http://ann:{QUOTED}@host.invalid/simple/", seconds=3.0),
    ):
        with pytest.raises(RemoteError) as caught:
            index.project("demo")
        texts.append(str(caught.value))
    assert not [text for text in texts if "s3cr3t" in text]
    assert SECRET not in repr(Sources((f"http://ann:{QUOTED}@127.0.0.1/",)))


def test_nothing_secret_is_kept(demo: Files, ask: Ask, tmp_path: Path) -> None:
    with package_index(demo, auth=("ann", SECRET)) as server:
        _metadata(ask(_with_user(server.address), cache=True))
    kept = list((tmp_path / "cache" / "index").iterdir())
    assert len(kept) == 2
    assert not [path for path in kept if b"s3cr3t" in path.read_bytes()]


# --- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """Make a certificate for this machine that nobody has signed, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path / "certificate.pem"
    made = (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*made.split(), "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return str(path)


def test_a_certificate_that_nobody_signed_is_refused_once(certificate: str, demo: Files, ask: Ask) -> None:
    with package_index(demo, certificate=certificate) as server:
        with pytest.raises(RemoteError, match="certificate is not trusted") as caught:
            ask(server.address, environ={"REQUESTS_CA_BUNDLE": ""}).project("demo")
        assert caught.value.kind == "unreachable"
        assert server.requests == []


def test_who_trusts_it_says_so(certificate: str, demo: Files, ask: Ask) -> None:
    with package_index(demo, certificate=certificate) as server:
        by_file = Sources((server.address,), ca_bundle=f"{certificate}.crt")
        assert b"demo" in _metadata(ask(sources=by_file))
        by_name = Sources((server.address,), trusted_hosts=frozenset({"127.0.0.1"}))
        assert b"demo" in _metadata(ask(sources=by_name))
        assert {request.path[:6] for request in server.requests} == {"/simpl", "/files"}


def test_from_https_nothing_leads_to_http(certificate: str, demo: Files, ask: Ask) -> None:
    with package_index(demo) as plain, package_index(demo, certificate=certificate) as server:
        index = ask(sources=Sources((server.address,), ca_bundle=f"{certificate}.crt"))
        server.change(pages_redirect=plain.root)
        with pytest.raises(RemoteError, match="not followed"):
            index.project("demo")
        server.change(pages_redirect="", extra={WHEEL: {"url": f"{plain.root}/files/demo/{WHEEL}"}})
        again = ask(sources=Sources((server.address,), ca_bundle=f"{certificate}.crt"))
        with pytest.raises(RemoteError, match="leads to no place"):
            _metadata(again)
        assert plain.requests == []


# --- offline ---------------------------------------------------------------------------------------------------------


def test_offline_opens_no_socket(demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with package_index(demo) as server:
        online = ask(server.address, cache=True)
        text = _metadata(online)

        def forbidden(*_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

        for name in ("connect", "connect_ex", "bind", "sendto"):
            monkeypatch.setattr(socket.socket, name, forbidden)
        monkeypatch.setattr(socket, "create_connection", forbidden)
        monkeypatch.setattr(socket, "getaddrinfo", forbidden)
        offline = ask(server.address, cache=True, offline=True)
        assert _metadata(offline) == text
        with pytest.raises(RemoteError, match="--offline") as caught:
            offline.project("never-asked-for")
        assert caught.value.kind == "offline"
        assert offline.requests_made == 0
        with pytest.raises(AssertionError):
            ask(server.address).project("demo")


def test_offline_an_old_page_is_better_than_none(demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with package_index(demo) as server:
        ask(server.address, cache=True).project("demo")
    later = time.time() + 10**6
    monkeypatch.setattr("envaudit.index.kept.time.time", lambda: later)
    assert ask(server.address, cache=True, offline=True).project("demo").files


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://ann:s3cr3t@a.invalid/x and file:///b", "see https://a.invalid/x and file:///b"),
        ("git+https://ann:s3@cr3t@a.invalid:80/", "git+https://a.invalid:80/"),
        ("HTTPS://:s3cr3t@a.invalid, mail@b.invalid", "HTTPS://a.invalid, mail@b.invalid"),
        ("nothing://to.hide/a@b", "nothing://to.hide/a@b"),
    ],
)
def test_texts_of_others_lose_their_credentials(text: str, shown: str) -> None:
    assert without_userinfo(text) == shown


def test_a_long_text_is_cleaned_in_no_time() -> None:
    started = time.process_time()
    for unit in ("a.", "a://", "a://b@", "@", "https:/"):
        assert len(str(RemoteError("http://a.invalid/", unit * 100_000, "wrong"))) < 400
    assert time.process_time() - started < 2.0
