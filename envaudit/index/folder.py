"""Indexes that are folders: a ``file:`` address with a page for each project, and a flat folder of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import list_folder, read_bytes
from envaudit.index.failure import RemoteError
from envaudit.index.pages import FILE_LIMIT, HTML_TYPE, JSON_TYPE, parse_page
from envaudit.index.remote_file import local_path
from envaudit.index.values import IndexFile, Project, version_in

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

PAGE_LIMIT = 64 * 1024 * 1024


def read_folder_index(address: str, key: NormalizedName) -> Project:
    """Return a project of an index in a folder: ``NAME/index.json`` or ``NAME/index.html``, or a bare folder ``NAME``.

    Raises ``RemoteError``, of kind ``missing`` when the index is there and the project is not.
    """
    root = local_path(address)
    folder = os.path.join(root, key)
    for name, kind in (("index.json", JSON_TYPE), ("index.html", HTML_TYPE)):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            return parse_page(_page(path), kind, f"{_address(folder)}/", key)
    if os.path.isdir(folder):
        return read_flat_folder(folder, key)
    if not os.path.isdir(root):
        raise RemoteError(address, "there is no such folder", "unreachable")
    raise RemoteError(f"{address.rstrip('/')}/{key}/", "there is no such thing", "missing")


def read_flat_folder(path: str, key: NormalizedName) -> Project:
    """Return the files of a project in a flat folder, as ``--find-links`` means it; raises ``RemoteError``.

    It may also be a file: then it is a page of links.
    """
    address = _address(path)
    if os.path.isfile(path):
        return parse_page(_page(path), HTML_TYPE, address, key)
    address += "/"
    try:
        entries = list_folder(path)
    except ReadError as error:
        raise RemoteError(address, str(error), "unreachable") from error
    if len(entries) > FILE_LIMIT:
        raise RemoteError(address, f"more than the {FILE_LIMIT} files that are read", "too-large")
    files = []
    for entry in entries:
        found = version_in(entry.name, key)
        if found is not None and entry.is_file():
            files.append(IndexFile(entry.name, _address(entry.path), *found, size=entry.stat().st_size))
    if not files:
        raise RemoteError(f"{address}{key}", "there is no such thing", "missing")
    return Project(key, address, tuple(files))


def _page(path: str) -> bytes:
    try:
        return read_bytes(path, PAGE_LIMIT)
    except ReadError as error:
        raise RemoteError(_address(path), str(error), "unreachable") from error


def _address(path: str) -> str:
    return Path(os.path.abspath(path)).as_uri()
