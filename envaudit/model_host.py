"""The frozen values about the machine a target runs on, and what the user's own code is going to ask of it."""

from __future__ import annotations

from typing import NamedTuple


class Granted(NamedTuple):
    """A size in bytes, and what sets it: ``memory and swap``, a file of a control group or ``ulimit -v``."""

    size: int
    by: str


class Host(NamedTuple):
    """What the system grants a process that is started here. Memory in bytes, ``None`` for what has no limit.

    ``cgroup_memory``, ``quota`` (processors) and ``pids`` are the tightest of the control groups the process is in,
    with the file that says so. ``overcommit`` is the mode of Linux: 0 obvious excess is refused, 1 everything is
    promised, 2 only what ``commit_limit`` covers. ``cpus`` are those the process may run on, ``online`` those the
    machine has. ``shared`` is the size of ``/dev/shm``: 0 when there is none, ``None`` when it is no file system of
    its own. ``privileged``: no limit on the number of processes holds for this user. ``variables`` are those of the
    loader, of Python and of thread pools that are set, ``absent`` the files that ``LD_PRELOAD`` names in vain.
    """

    memory: int
    swap: int = 0
    overcommit: int = 0
    commit_limit: int | None = None
    cgroup_memory: int | None = None
    cgroup_memory_from: str = ""
    address_space: int | None = None
    data: int | None = None
    stack: int | None = None
    processes: int | None = None
    files: int | None = None
    cpus: int = 1
    online: int = 1
    quota: float | None = None
    quota_from: str = ""
    pids: int | None = None
    pids_from: str = ""
    shared: int | None = None
    privileged: bool = False
    level: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    moment: Moment | None = None

    def memory_to_be_had(self) -> Granted:
        """Return how much memory one process can get at most, and what sets that."""
        return min(self._limits(), key=lambda limit: limit.size)

    def memory_before_refusal(self) -> Granted:
        """Return from which size on a single request for memory is refused, before anything is written into it."""
        refusing = [limit for limit in self._limits() if limit.by != self.cgroup_memory_from]
        if self.overcommit == 1:  # nothing but a limit of the process is refused
            refusing = [limit for limit in refusing if limit.by.startswith("ulimit")]
        return min(refusing, key=lambda limit: limit.size, default=Granted(1 << 62, ""))

    def _limits(self) -> list[Granted]:
        limits = [Granted(self.memory + self.swap, "memory and swap" if self.swap else "the memory of the machine")]
        for size, by in (
            (self.cgroup_memory, self.cgroup_memory_from),
            (self.address_space, "ulimit -v"),
            (self.data, "ulimit -d"),
            (self.commit_limit if self.overcommit == 2 else None, "vm.overcommit_memory=2"),
        ):
            if size is not None:
                limits.append(Granted(size, by))
        return limits

    def processors(self) -> float:
        """Return how many processors may be used at a time: those of the affinity, or less by a quota."""
        return min(float(self.cpus), self.quota) if self.quota else float(self.cpus)


class Moment(NamedTuple):
    """What changes all the time: memory that is free to be used, swap in use (bytes), the load of the last minute."""

    available: int
    swap_used: int
    load: float


class MemoryDemand(NamedTuple):
    """Memory that a file of the user's asks for, in bytes; ``place`` is the cell and line in words for a notebook.

    ``call`` is the call as written with its full name, such as ``numpy.zeros((100000, 100000))``. ``sure`` is false for
    a size that is only estimated (``read_csv``). ``lazy``: the memory is asked for and only taken when something is
    written into it (``zeros``, ``empty``). ``always``: it runs whenever the file does, not only in a function or a
    branch. ``inside`` is the path relative to what the user named. ``source`` is the file that is read and
    ``source_size`` its bytes.
    """

    path: str
    inside: str
    line: int | None
    place: str
    call: str
    size: int
    sure: bool = True
    lazy: bool = False
    always: bool = True
    source: str = ""
    source_size: int = 0


class Kernel(NamedTuple):
    """A kernel that Jupyter offers: a folder with a ``kernel.json``.

    ``origin`` is ``environment`` (of the target), ``user``, ``system`` or ``JUPYTER_PATH``. ``fault`` says why the file
    cannot be used, empty when it can. ``interpreter`` is the program it starts, empty for a bare name, which the
    Jupyter server replaces by its own Python; ``missing`` says what is wrong with that. ``prefix`` and ``python`` are
    of the environment it leads to, empty where that was not looked at; ``installed`` are names and versions of what a
    Python kernel needs there, ``None`` where that was not looked at. ``hidden_by`` is the folder of one of the same
    name that Jupyter finds first and that starts another program. ``start`` says how its
    start went when it was tried: ``ok``, or the last words.
    """

    name: str
    folder: str
    origin: str
    display: str = ""
    argv: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    interpreter: str = ""
    missing: str = ""
    prefix: str = ""
    python: str = ""
    installed: tuple[tuple[str, str], ...] | None = None
    hidden_by: str = ""
    start: str = ""

    def is_ipython(self) -> bool:
        """Whether it is the Python kernel and not one of another language or of a program of its own."""
        return any(word in {"ipykernel_launcher", "ipykernel"} for word in self.argv)
