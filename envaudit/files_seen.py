"""What a run has asked the file system, written down so that the next run can ask again and compare.

Within ``with Seen() as seen:`` everything that ``files`` reads, lists or answers is noted. Of what was read or listed
the status of the file is kept, which the system changes with every change of the content or of the folder; a question
(is it there, what is it, where does it lead) is kept with its answer. What gives the same again was not changed.

Next to nothing is imported here: the run that finds nothing changed is to be over in a few milliseconds.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # mypy takes the name for that of typing, whose import takes longer than all that happens here
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from types import TracebackType

# mode, device, inode, size in bytes, time of the last change of the content and of the file itself in nanoseconds.
Signature = tuple[int, int, int, int, int, int]
FIELDS = 6
# Of many folders a digest of their times, and one of the names in them but for bytecode.
FolderNames = tuple[str, str]
# What the kernel states has no times that could be compared. This one stays the same until the next start of the
# machine, by which reports are told apart.
_OF_THE_MACHINE = ("/proc/cpuinfo",)
_OF_THE_KERNEL = ("/proc/", "/sys/")
_BUSY_LIMIT = 2000  # names; of a fuller folder the status is kept
# The question for many statuses: a folder and paths below it, one a line.
STATUSES = "statuses"
_LINE = "\n"
# The question for the names in many folders: a folder, the times of those below it and the answer then, their paths.
_MODULE_NAMES = "module names"
_NOT_LOOKED_AT = "__pycache__"
_ANY = "/"  # the path of a question that is about no path


class Seen:
    """The notes of one run; the innermost ``with`` block takes them.

    ``read`` are paths of files and folders with what their status was when they were read, ``told`` are questions with
    their answers. ``doubt`` says why the outcome must not be kept, and is empty if it may. The folders ``busy`` are
    those somebody works in: of these the names are kept and not the status, which changes with every report that is
    written into one.
    """

    def __init__(self, busy: Iterable[str] = ()) -> None:
        self.busy = frozenset(busy)
        self.read: dict[str, Signature] = {}
        self.told: dict[tuple[str, str], int | str] = {}
        self.doubt = ""
        self.latest = 0
        self._before: Seen | None = None

    def __enter__(self) -> Seen:  # noqa: PYI034  Self is not in the typing of Python 3.10
        self._before, _Now.seen = _Now.seen, self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Now.seen = self._before

    def add_read(self, path: str, signature: Signature) -> None:
        """Note that a file or folder was read when it had this status."""
        if path.startswith(_OF_THE_KERNEL):
            if path not in _OF_THE_MACHINE:
                self.add_doubt(f"{path} is of the kernel")
        elif self.read.setdefault(path, signature) != signature:
            self.add_doubt(f"{path} changed while it was read")

    def add_listed(self, path: str) -> None:
        """Note that a folder is going to be listed."""
        names = _names_in(path) if path in self.busy else ""
        if names:
            self.add_told("names", path, names)
        else:
            self.add_read(path, signature_of_path(path))

    def add_told(self, question: str, path: str, answer: int | str) -> None:
        """Note an answer; ``question`` is a key of ``QUESTIONS``."""
        if self.told.setdefault((question, path), answer) != answer:
            self.add_doubt(f"{path} changed while it was looked at")

    def add_doubt(self, why: str) -> None:
        """Say why a later run could not tell whether anything has changed."""
        self.doubt = self.doubt or why

    def newest(self) -> int:
        """Return the time of the last change of all that was read, in nanoseconds."""
        return max(self.latest, *(max(signature[4:]) for signature in self.read.values()), 0)


class _Now:
    """Who takes notes at the moment."""

    seen: Seen | None = None


def is_noting() -> bool:
    """Whether somebody takes notes."""
    return _Now.seen is not None


class Unnoted:
    """Within ``with Unnoted():`` nothing is noted: whoever uses it notes by other means what the answer hangs on."""

    def __init__(self) -> None:
        self._before: Seen | None = None

    def __enter__(self) -> None:
        self._before, _Now.seen = _Now.seen, None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Now.seen = self._before


def nobody_notes() -> bool:
    """Whether the outcome of this run will not be kept, so that a second process may look at files."""
    return _Now.seen is None or bool(_Now.seen.doubt)


def doubt(why: str) -> None:
    """Say that the outcome of this run hangs on more than files: it is not kept."""
    if _Now.seen is not None:
        _Now.seen.add_doubt(why)


def note_read(path: str, status: os.stat_result | None = None) -> None:
    """Note that the file or folder at a path is read, with its status now, or the one it was opened with.

    Whoever lets another process read has to call this before.
    """
    if _Now.seen is not None:
        _Now.seen.add_read(path, signature_of_path(path) if status is None else signature_of(status))


def note_listed(path: str) -> None:
    """Note that a folder is going to be listed."""
    if _Now.seen is not None:
        _Now.seen.add_listed(path)


def each_status(folder: str, paths: Sequence[str]) -> Iterator[os.stat_result | None]:
    """Yield the status of what each path below a folder leads to, ``None`` when there is nothing or no telling.

    For tens of thousands of files: the folder is looked up once, and each file costs one call of the system. Whoever
    has taken all of them has it noted.
    """
    seen = _Now.seen
    digest = 0
    for found in _each_status(folder, paths):
        if seen is not None:
            digest = _with_status(digest, found)
            if found is not None and found.st_mtime_ns > seen.latest:
                seen.latest = found.st_mtime_ns
        yield found
    if seen is not None:
        seen.add_told(STATUSES, _LINE.join((folder, *paths)), digest)
        if any(_LINE in path for path in paths):
            seen.add_doubt(f"a name in {folder} has two lines")


def _each_status(folder: str, paths: Iterable[str]) -> Iterator[os.stat_result | None]:
    if os.stat not in os.supports_dir_fd:
        yield from (_status_or_none(f"{folder}/{path}", None) for path in paths)
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        yield from (None for _ in paths)
        return
    status = os.stat
    try:
        for path in paths:
            try:
                yield status(path, dir_fd=descriptor)
            except (OSError, ValueError):
                yield None
    finally:
        os.close(descriptor)


def _status_or_none(path: str, folder: int | None) -> os.stat_result | None:
    try:
        return os.stat(path, dir_fd=folder)
    except (OSError, ValueError):
        return None


def _with_status(digest: int, status: os.stat_result | None) -> int:
    """Return a number that is another one when another status was added; the same in every process."""
    return hash((digest, status.st_size, status.st_mtime_ns, status.st_ino)) if status is not None else hash((digest,))


def _statuses(question: str) -> int:
    """Ask for the statuses again, in one tight loop: most of a run that finds nothing changed is spent in it."""
    folder, *paths = question.split(_LINE)
    if os.stat not in os.supports_dir_fd:
        return _digest_of(_each_status(folder, paths))
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return _digest_of(None for _ in paths)
    digest = 0
    status_of = os.stat
    try:
        for path in paths:
            try:
                found = status_of(path, dir_fd=descriptor)
            except (OSError, ValueError):
                digest = _with_status(digest, None)
            else:
                digest = hash((digest, found.st_size, found.st_mtime_ns, found.st_ino))
    finally:
        os.close(descriptor)
    return digest


def _digest_of(statuses: Iterable[os.stat_result | None]) -> int:
    digest = 0
    for found in statuses:
        digest = _with_status(digest, found)
    return digest


def fewer_statuses(question: str, answer: int | str, read: Collection[str]) -> tuple[str, int] | None:
    """Return question and answer without the files that were ``read``, whose statuses are known from that.

    ``None`` when one of them is not as it was.
    """
    folder, *paths = question.split(_LINE)
    whole = digest = 0
    rest = []
    for path, found in zip(paths, _each_status(folder, paths), strict=True):
        whole = _with_status(whole, found)
        if f"{folder}/{path}" not in read:
            rest.append(path)
            digest = _with_status(digest, found)
    return (_LINE.join((folder, *rest)), digest) if whole == answer else None


def names_in_folders(folder: str, paths: Sequence[str], known: FolderNames = ("", "")) -> FolderNames:
    """Return which names are in the folders ``paths`` below a folder; none of one that is not there.

    As long as their times are those of what is ``known``, which costs one call of the system each, no folder is listed.
    """
    seen = _Now.seen
    times = 0
    for found in _each_status(folder, paths):
        times = _with_status(times, found)
        if seen is not None and found is not None and found.st_mtime_ns > seen.latest:
            seen.latest = found.st_mtime_ns
    names = known if known[0] == str(times) else (str(times), _listed_names(folder, paths))
    if seen is not None:
        seen.add_told(_MODULE_NAMES, _LINE.join((folder, *names, *paths)), names[1])
        if any(_LINE in path for path in paths):
            seen.add_doubt(f"a name in {folder} has two lines")
    return names


def _listed_names(folder: str, paths: Iterable[str]) -> str:
    import hashlib  # noqa: PLC0415  a run that finds nothing changed has no need of it

    digest = hashlib.sha256()
    for path in paths:
        try:
            names = sorted(os.listdir(f"{folder}/{path}"))
        except (OSError, ValueError):
            names = []
        own = "/".join(name for name in names if name != _NOT_LOOKED_AT)
        digest.update(f"{path}//{own}//".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _module_names(question: str) -> str:
    folder, times, names, *paths = question.split(_LINE)
    return names if str(_digest_of(_each_status(folder, paths))) == times else _listed_names(folder, paths)


def note_refused(path: str, wanted: int, why: str) -> None:
    """Note that a path could not be opened or listed.

    That it is not of the type ``wanted`` is an answer as any other; all other reasons may go away unseen.
    """
    if _Now.seen is not None and type_of(path) == wanted:
        doubt(f"{path}: {why}")


# --- questions ------------------------------------------------------------------------------------------------------


def type_of(path: str) -> int:
    """Return what a path leads to, a constant of ``stat`` such as ``S_IFREG``; 0 for nothing, below 0 for an error."""
    return _asked("type", path, _type_of)


def own_type_of(path: str) -> int:
    """Return what stands at a path itself: for a link ``S_IFLNK``."""
    return _asked("own type", path, own_type_of_path)


def may_execute(path: str) -> bool:
    """Whether this process may start what a path leads to."""
    return bool(_asked("may execute", path, _may_execute))


def real_path(path: str) -> str:
    """Return a path without links."""
    answer = os.path.realpath(path)
    if _Now.seen is not None:
        _Now.seen.add_told("real", path, answer)
    return answer


def _asked(question: str, path: str, ask: Callable[[str], int]) -> int:
    answer = ask(path)
    if _Now.seen is not None and "\0" not in path:
        _Now.seen.add_told(question, path, answer)
    return answer


def _type_of(path: str) -> int:
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        return -(error.errno or 1)
    except ValueError:
        return 0


def own_type_of_path(path: str) -> int:
    """Return what ``own_type_of`` does, without a note."""
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        return -(error.errno or 1)
    except ValueError:
        return 0


def _may_execute(path: str) -> int:
    return int(os.access(path, os.X_OK))


def granted() -> str:
    """Return what the system grants this process, as ``files_host.settled_text`` writes it."""
    answer = _granted("")
    if _Now.seen is not None:
        _Now.seen.add_told("granted", _ANY, answer)
    return answer


def _granted(_: str) -> str:
    from envaudit.files_host import settled_text  # noqa: PLC0415  not every run asks for it

    return settled_text()


def _names_in(path: str) -> str:
    """Return the names in a folder and what each is itself, empty for too many or when it cannot be listed."""
    names = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                kind = "@" if entry.is_symlink() else "/" if entry.is_dir(follow_symlinks=False) else ""
                names.append(f"{entry.name}/{kind}")
                if len(names) > _BUSY_LIMIT:
                    return ""
    except (OSError, ValueError):
        return ""
    return "//".join(sorted(names))


QUESTIONS: dict[str, Callable[[str], int | str]] = {
    "type": _type_of,
    "own type": own_type_of_path,
    "may execute": _may_execute,
    "real": os.path.realpath,
    "names": _names_in,
    "granted": _granted,
    STATUSES: _statuses,
    _MODULE_NAMES: _module_names,
}


# --- asking again ---------------------------------------------------------------------------------------------------


def signature_of(status: os.stat_result) -> Signature:
    """Return what of a status changes when the file does; neither owner nor rights can change without the last."""
    return (status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def signature_of_path(path: str | bytes) -> Signature:
    """Return the signature of what a path leads to; zeros for nothing, and the number of an error below 0."""
    try:
        return signature_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return (0, 0, 0, 0, 0, 0)
    except OSError as error:
        return (-(error.errno or 1), 0, 0, 0, 0, 0)


_AT_ONCE = 512  # after so many it is seen whether going on is any use


def still_as_read(paths: Sequence[str | bytes], signatures: Sequence[int]) -> bool:
    """Whether all paths still have these signatures, given one behind the other."""
    if len(signatures) != len(paths) * FIELDS:
        return False
    status_of = os.stat
    for start in range(0, len(paths), _AT_ONCE):
        found: list[int] = []
        for path in paths[start : start + _AT_ONCE]:
            try:
                now = status_of(path)
            except (OSError, ValueError):
                found += signature_of_path(path)
            else:
                found += (now.st_mode, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        if found != list(signatures[start * FIELDS : (start + _AT_ONCE) * FIELDS]):
            return False
    return True


def still_told(question: str, paths: Iterable[str], answers: Iterable[int | str]) -> bool:
    """Whether a question is answered for all paths as it was."""
    ask = QUESTIONS.get(question)
    return ask is not None and all(ask(path) == answer for path, answer in zip(paths, answers, strict=True))
