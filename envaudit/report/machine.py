"""The machine in a few lines: what ``free -h``, ``nproc``, ``ulimit`` and the files of a container would tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.plain_sizes import in_words
from envaudit.report.layout import INDENT, Span
from envaudit.report.plain import number, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, Host
    from envaudit.report.layout import Line

_LABEL = 12
_OVERCOMMIT = {0: "obvious excess is refused", 1: "everything is promised", 2: "only what is covered is promised"}


def machine(facts: Facts) -> Iterator[Line]:
    """Yield the block about the machine, nothing when it is not known."""
    if facts.host is not None:
        yield from machine_of(facts.host)
        yield ()


def machine_of(host: Host) -> Iterator[Line]:
    """Yield the block about a machine that is known."""
    yield (Span("this machine", "bold"),)
    for label, text in _rows(host):
        yield Span(INDENT), Span(label.ljust(_LABEL), "dim"), Span(text)


def _rows(host: Host) -> Iterator[tuple[str, str]]:
    swap = f", swap {in_words(host.swap)}" if host.swap else ", no swap"
    now = host.moment
    free = f"; {in_words(now.available)} available now" if now is not None else ""
    if now is not None and host.swap:
        free += f", {in_words(now.swap_used)} of the swap in use"
    yield "memory", f"{in_words(host.memory)}{swap}{free}"
    granted = host.memory_to_be_had()
    yield "to be had", f"{in_words(granted.size)} for one process, by {plain(granted.by)}"
    yield "overcommit", f"{host.overcommit}: {_OVERCOMMIT.get(host.overcommit, 'a mode that is not known')}"
    level = f", {host.level}" if host.level else ""
    quota = f"; a quota grants {host.quota:g} at a time" if host.quota is not None else ""
    load = f"; load {now.load:g} in the last minute" if now is not None else ""
    yield "processors", f"{number(host.cpus, 'processor')} of {host.online}{level}{quota}{load}"
    threads = [f"{name}={value}" for name, value in host.variables if name.endswith("_NUM_THREADS")]
    yield "threads", plain(", ".join(threads)) if threads else "as many as processors: no variable limits them"
    yield "ulimit", ", ".join(_limits(host))
    if host.pids is not None:
        yield "tasks", f"{host.pids} at a time, by {plain(host.pids_from)}"
    shared = "no file system of its own" if host.shared is None else in_words(host.shared) if host.shared else "none"
    yield "/dev/shm", shared  # noqa: S108  a label
    for name, value in host.variables:
        if not name.endswith("_NUM_THREADS"):
            yield "variable", plain(f"{name}={value}")


def _limits(host: Host) -> Iterator[str]:
    for option, size in (("-v", host.address_space), ("-d", host.data), ("-s", host.stack)):
        yield f"{option} {in_words(size) if size is not None else 'unlimited'}"
    for option, count in (("-u", host.processes), ("-n", host.files)):
        yield f"{option} {count if count is not None else 'unlimited'}"
