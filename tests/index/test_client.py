"""What an index answers, in every form it may have, against a server on this machine."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name

from envaudit.index import Offer, RemoteError, Sources
from envaudit.index.kept import Kept, clear
from tests.index.conftest import WHEEL
from tests.support.package_index import package_index
from tests.support.wheels import metadata_of, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envaudit.index import Index

    Ask = Callable[..., Index]
    Files = dict[str, dict[str, bytes]]


@pytest.mark.parametrize("form", ["json", "html"])
def test_both_forms_of_a_page_say_the_same(form: str, demo: Files, ask: Ask) -> None:
    extra = {WHEEL: {"yanked": "breaks <things>"}}
    status = {"status": "archived", "reason": "use another"}
    with package_index(demo, form=form, extra=extra, status=status, metadata="offered") as server:
        offer = ask(server.address).project("Demo")
    (page,) = offer.pages
    assert (page.status, page.status_reason) == ("archived", "use another")
    found, sdist = offer.files
    assert (found.name, found.version, found.is_wheel, found.yanked) == (WHEEL, "1.0", True, "breaks <things>")
    assert (sdist.version, sdist.is_wheel, sdist.yanked) == ("0.9", False, None)
    assert found.requires_python == ">=3.9"
    assert found.url == f"{server.root}/files/demo/{WHEEL}"
    assert len(found.sha256) == 64 == len(found.metadata or "")
    assert (found.size, found.uploaded[:10]) == (
        (len(demo["demo"][WHEEL]), "2024-03-01") if form == "json" else (None, "")
    )


def test_versions_are_found_however_they_are_spelled(ask: Ask) -> None:
    files = {"x": {"x-1.0.0-py3-none-any.whl": wheel("x", "1.0.0"), "x-2.0rc1-py3-none-any.whl": wheel("x", "2.0rc1")}}
    with package_index(files) as server:
        offer = ask(server.address).project("x")
    assert [file.version for file in offer.of_version("1.0")] == ["1.0.0"]
    assert [file.version for file in offer.of_version("2.0.rc1")] == ["2.0rc1"]
    assert offer.of_version("3") == ()
    assert offer.pages[0].versions() == ("1.0.0", "2.0rc1")


def test_a_project_that_is_not_there_is_missing(demo: Files, ask: Ask) -> None:
    with package_index(demo) as server, pytest.raises(RemoteError, match="no such thing") as caught:
        ask(server.address).project("absent")
    assert caught.value.kind == "missing"


@pytest.mark.parametrize("behaviour", [{"metadata": "offered"}, {"metadata": "none"}, {"metadata": "gone"}])
@pytest.mark.parametrize("ranges", ["honest", "ignored"])
@pytest.mark.parametrize("sizes", [True, False])
def test_metadata_is_found_on_every_way(
    behaviour: dict[str, Any], ranges: str, sizes: bool, demo: Files, ask: Ask
) -> None:
    with package_index(demo, ranges=ranges, sizes=sizes, **behaviour) as server:
        index = ask(server.address)
        file = index.project("demo").files[0]
        assert index.metadata(file) == metadata_of(demo["demo"][WHEEL])
        beside = server.asked(".metadata")
        assert bool(beside) == (behaviour["metadata"] != "none")
        assert (len(server.asked("/files/")) == 1) == (
            behaviour["metadata"] == "offered" or ranges == "ignored"
        ) or beside


def test_metadata_with_another_digest_is_refused(demo: Files, ask: Ask) -> None:
    with package_index(demo, metadata="wrong") as server:
        index = ask(server.address, cache=True)
        with pytest.raises(RemoteError, match="sha256 is not the one") as caught:
            index.metadata(index.project("demo").files[0])
    assert caught.value.kind == "wrong"


def test_of_a_large_wheel_only_its_ends_are_read(ask: Ask) -> None:
    files = {"big": {"big-1-py3-none-any.whl": wheel("big", "1", ["numpy"], {"big/data": os.urandom(5_000_000)})}}
    with package_index(files) as server:
        index = ask(server.address)
        text = index.metadata(index.project("big").files[0])
    assert b"Requires-Dist: numpy" in text
    assert index._transport.bytes_read < 80_000


def test_an_sdist_has_no_metadata_to_be_read(demo: Files, ask: Ask) -> None:
    with package_index(demo) as server:
        index = ask(server.address)
        with pytest.raises(RemoteError, match="only a wheel"):
            index.metadata(index.project("demo").files[1])


def test_several_indexes_are_told_apart(demo: Files, ask: Ask) -> None:
    other = {"demo": {"demo-9.0-py3-none-any.whl": wheel("demo", "9.0")}}
    with package_index(demo) as first, package_index(other) as second:
        offer = ask(first.address, second.address).project("demo")
    assert [page.index.startswith(server.root) for page, server in zip(offer.pages, (first, second), strict=True)] == [
        True,
        True,
    ]
    assert [file.version for file in offer.files] == ["1.0", "0.9", "9.0"]
    assert offer.failures == ()


def test_one_silent_index_of_two_is_told(demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envaudit.index.transport.FIRST_PAUSE", 0.02)
    with package_index(demo) as good, package_index({}, busy=(500,) * 9) as broken:
        index = ask(good.address, broken.address)
        offer = index.project("demo")
        assert [failure.kind for failure in offer.failures] == ["busy"]
        with pytest.raises(RemoteError) as caught:
            index.project("absent")
    assert caught.value.kind == "busy", "it may be on the index that was silent"


def test_folders_of_this_machine_are_indexes(tmp_path: Path, demo: Files, ask: Ask) -> None:
    flat = tmp_path / "wheel house"
    flat.mkdir()
    for name, content in demo["demo"].items():
        (flat / name).write_bytes(content)
    (flat / "other-1.0-py3-none-any.whl").write_bytes(b"")
    simple = tmp_path / "simple"
    (simple / "demo").mkdir(parents=True)
    (simple / "demo" / "index.html").write_text(f'<a href="../../wheel%20house/{WHEEL}">x</a>')
    (simple / "bare").mkdir()
    (simple / "bare" / "bare-2.0.tar.gz").write_bytes(b"")
    for index in (
        ask(sources=Sources((), (flat.as_uri(),)), offline=True),
        ask(simple.as_uri(), offline=True),
    ):
        file = index.project("demo").of_version("1.0")[0]
        assert index.metadata(file) == metadata_of(demo["demo"][WHEEL])
        with pytest.raises(RemoteError) as caught:
            index.project("absent")
        assert caught.value.kind == "missing"
        assert index.requests_made == 0
    assert [file.version for file in ask(simple.as_uri()).project("bare").files] == ["2.0"]
    with pytest.raises(RemoteError, match="no such folder"):
        ask((tmp_path / "nowhere").as_uri()).project("demo")


def test_pages_are_kept_and_asked_for_again_by_etag(demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with package_index(demo, etag=True) as server:
        assert ask(server.address, cache=True).project("demo").files
        assert ask(server.address, cache=True).project("demo").files
        assert len(server.requests) == 1, "ten minutes are not over"
        later = time.time() + 700
        monkeypatch.setattr("envaudit.index.kept.time.time", lambda: later)
        assert ask(server.address, cache=True).project("demo").files
        assert len(server.requests) == 2
        assert server.requests[1].headers["if-none-match"]
        assert ask(server.address, cache=True).project("demo").files
        assert len(server.requests) == 2, "an answer of 304 makes it fresh"


def test_metadata_is_kept_for_ever_under_its_digest(demo: Files, ask: Ask) -> None:
    with package_index(demo) as server:
        index = ask(server.address, cache=True)
        index.metadata(index.project("demo").files[0])
        before = len(server.requests)
        again = ask(server.address, cache=True)
        assert again.metadata(again.project("demo").files[0]) == metadata_of(demo["demo"][WHEEL])
        assert len(server.requests) == before


def test_another_host_cannot_say_what_a_digest_holds(demo: Files, ask: Ask) -> None:
    evil = wheel("demo", "1.0", ["evil"])
    with package_index(demo) as good, package_index({"demo": {WHEEL: evil}}) as bad:
        digest = ask(good.address).project("demo").files[0].sha256
        bad.change(extra={WHEEL: {"hashes": {"sha256": digest}}})
        poisoned = ask(bad.address, cache=True)
        assert b"evil" in poisoned.metadata(poisoned.project("demo").files[0])
        index = ask(good.address, cache=True)
        assert b"evil" not in index.metadata(index.project("demo").files[0])


def test_a_damaged_cache_is_as_good_as_none(demo: Files, ask: Ask, tmp_path: Path) -> None:
    with package_index(demo) as server:
        ask(server.address, cache=True).project("demo")
        (kept,) = (tmp_path / "cache" / "index").iterdir()
        content = kept.read_bytes()
        kept.write_bytes(content.replace(b"demo-1.0", b"demo-6.6"))
        assert ask(server.address, cache=True).project("demo").files[0].version == "1.0"
        assert len(server.requests) == 2


def test_a_cache_others_can_write_is_not_used(demo: Files, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "cache" / "index").mkdir(parents=True)
    (tmp_path / "cache" / "index").chmod(0o777)
    with package_index(demo) as server:
        for _ in range(2):
            ask(server.address, cache=True).project("demo")
        assert len(server.requests) == 2
    assert list((tmp_path / "cache" / "index").iterdir()) == []


def test_many_projects_are_asked_for_by_few_threads(ask: Ask) -> None:
    files = {f"p{number}": {f"p{number}-1-py3-none-any.whl": wheel(f"p{number}", "1")} for number in range(40)}
    with package_index(files, zipped=True) as server:
        answers = ask(server.address).projects([*files, "absent"])
        peers = len({request.headers["user-agent"] for request in server.requests})
    assert sum(not isinstance(answer, RemoteError) for answer in answers.values()) == 40
    assert isinstance(answers[canonicalize_name("absent")], RemoteError)
    assert peers == 1
    assert server.requests[0].headers["user-agent"].startswith("pyenvaudit/")


def test_links_of_a_page_lead_only_where_they_may(ask: Ask) -> None:
    entries = [
        {"filename": "a-1.tar.gz", "url": "file:///etc/passwd"},
        {"filename": "a-2.tar.gz", "url": "ftp://127.0.0.1/a-2.tar.gz"},
        {"filename": "a-3.tar.gz", "url": "http://user:secret@127.0.0.1:1/a-3.tar.gz"},
        {"filename": "a-4.tar.gz", "url": 4},
        {"filename": 5, "url": "a-5.tar.gz"},
        "nonsense",
    ]
    page = json.dumps({"files": entries}).encode()
    with package_index({}, raw_page=page) as server:
        index = ask(server.address)
        files = index.project("a").files
        assert [file.version for file in files] == ["1", "2", "3", "4"], "they are there, whatever their links are"
        assert [file.url for file in files] == ["", "", "http://127.0.0.1:1/a-3.tar.gz", ""]
        with pytest.raises(RemoteError, match="leads to no place"):
            index.open(files[0])


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/vnd.pypi.simple.v1+json"),
        (b'{"files": {}}', "application/json"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'<meta name="pypi:repository-version" content="2.0"><a href="demo-1.tar.gz">', "text/html"),
        (b"a text of a proxy", "text/html"),
        (b"PK", "application/zip"),
        (b"PK", ""),
    ],
)
def test_what_is_no_page_is_a_failure_and_never_an_empty_project(page: bytes, kind: str, ask: Ask) -> None:
    with package_index({}, raw_page=page, raw_type=kind) as server, pytest.raises(RemoteError) as caught:
        ask(server.address).project("demo")
    assert caught.value.kind == "wrong"


def test_a_page_of_links_is_an_index_too(demo: Files, ask: Ask) -> None:
    with package_index(demo, form="html") as server:
        index = ask(sources=Sources((), (f"{server.address}demo/",)))
        assert [file.version for file in index.project("demo").files] == ["1.0", "0.9"]
        with pytest.raises(RemoteError, match="there is no other") as caught:
            index.project("other")
    assert caught.value.kind == "missing"


def test_without_any_index_nothing_is_known(ask: Ask) -> None:
    with pytest.raises(RemoteError, match="no index is named") as caught:
        ask().project("demo")
    assert caught.value.kind == "offline"


def test_of_what_is_kept_the_oldest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envaudit.index.kept.SIZE_LIMIT", 10_000)
    for number in range(30):
        kept = Kept(str(tmp_path))  # one for each run: it looks at the size once
        kept.put_lasting("x", str(number), bytes(1000))
        name = max((tmp_path / "index").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(name, (number, number))
    there = [number for number in range(30) if Kept(str(tmp_path)).lasting("x", str(number))]
    assert there[-1] == 29
    assert there == list(range(there[0], 30))
    assert 5 <= len(there) <= 12
    assert clear(str(tmp_path))
    assert not clear(str(tmp_path))
    assert Kept(str(tmp_path)).lasting("x", "29") is None


def test_a_folder_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Kept(str(tmp_path / "file"))
    kept.put_lasting("x", "1", b"content")
    assert kept.lasting("x", "1") is None


def test_the_command_that_deletes_the_cache_deletes_this_too(
    demo: Files, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from envaudit.cli import main

    monkeypatch.setenv("ENVAUDIT_CACHE_DIR", str(tmp_path / "cache"))
    with package_index(demo) as server:
        ask(server.address, cache=True).project("demo")
    assert main(["cache", "clear"]) == 0
    assert "deleted the cache" in capsys.readouterr().out
    assert not (tmp_path / "cache" / "index").exists()


def test_of_known_versions_only_their_files_are_kept_and_read_again(demo: Files, ask: Ask) -> None:
    with package_index(demo, etag=True, status={"status": "archived", "reason": "done"}) as server:
        pins = [("Demo", "1.0"), ("demo", "0.9")]
        first = ask(server.address, cache=True).releases(pins)
        again = ask(server.address, cache=True)
        assert again.releases(pins) == first
        assert again.requests_made == 0
        for offer in first.values():
            assert isinstance(offer, Offer)
            assert (offer.pages[0].status, offer.pages[0].status_reason) == ("archived", "done")
        whole = again.project("demo")
        assert [first[pin].files for pin in first] == [whole.of_version(version) for _, version in first]  # type: ignore[union-attr]
        assert [len(first[pin].files) for pin in first] == [1, 1]  # type: ignore[union-attr]


def test_what_is_kept_of_a_version_is_no_older_than_its_page(
    demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with package_index(demo) as server:
        ask(server.address, cache=True).releases([("demo", "1.0")])
        server.add("demo", **{"demo-1.0-cp311-cp311-win_amd64.whl": b"new"})
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 500)
        offers = ask(server.address, cache=True).releases([("demo", "1.0"), ("demo", "0.9")])
        assert [len(offer.files) for offer in offers.values()] == [1, 1]  # type: ignore[union-attr]
        monkeypatch.setattr(time, "time", lambda: now + 601)
        offers = ask(server.address, cache=True).releases([("demo", "1.0"), ("demo", "0.9")])
        assert [len(offer.files) for offer in offers.values()] == [2, 1]  # type: ignore[union-attr]


def test_one_of_two_indexes_is_not_asked_again_for_what_it_has_not(
    demo: Files, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with package_index({}) as empty, package_index(demo) as full:
        for _ in range(2):
            (found,) = ask(empty.address, full.address, cache=True).releases([("demo", "1.0")]).values()
            assert isinstance(found, Offer)
            assert found.files
        assert (len(empty.requests), len(full.requests)) == (1, 1)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 601)
        ask(empty.address, full.address, cache=True).releases([("demo", "1.0")])
        assert (len(empty.requests), len(full.requests)) == (2, 2)


def test_what_was_not_there_is_asked_for_again(demo: Files, ask: Ask) -> None:
    pins = [("demo", "7.7"), ("absent", "1.0")]

    def seen() -> list[int]:
        found = ask(server.address, cache=True).releases(pins).values()
        return [-1 if isinstance(each, RemoteError) else len(each.files) for each in found]

    with package_index(demo) as server:
        assert seen() == [0, -1]
        assert len(server.requests) == 2, "and not twice in one run"
        server.add("demo", **{"demo-7.7.tar.gz": b""})
        server.add("absent", **{"absent-1.0.tar.gz": b""})
        assert seen() == [1, 1], "published a second ago"


def test_pages_are_fetched_ahead_once(demo: Files, ask: Ask) -> None:
    with package_index(demo) as server:
        index = ask(server.address, cache=True)
        for _ in range(2):
            index.fetch_pages(["Demo", "absent"])
        assert len(server.asked("/demo/")) == 1
        index.project("demo")
        assert len(server.asked("/demo/")) == 1
