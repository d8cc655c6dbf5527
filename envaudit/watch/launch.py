"""Start the program that is watched: its limits, its group, its descriptors, and to die with its supervisor.

``subprocess`` could do most of it; to load it takes longer than all that is done here.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# <sys/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.py")
# Python ignores them for itself, and what is ignored would stay so in the program.
_GIVEN_BACK = ("SIGPIPE", "SIGXFSZ")


def adopt_orphans() -> None:
    """Have whatever loses its parent come to this process, so that it can be ended too."""
    _process_control()(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _process_control() -> Callable[..., object]:
    """Return the function ``prctl`` of the C library."""
    try:
        # ctypes does no more here, and takes a fifth as long to load as all of Python.
        from _ctypes import call_function, dlopen, dlsym  # noqa: PLC0415
    except ImportError:
        import ctypes  # noqa: PLC0415

        other: Callable[..., object] = ctypes.CDLL(None).prctl
        return other
    address = dlsym(dlopen(None, os.RTLD_NOW), "prctl")  # type: ignore[arg-type] # None is all that is loaded
    return lambda *numbers: call_function(address, numbers)


def launch(request: dict[str, Any], kept: Sequence[int]) -> int:
    """Start the program of a request and return its process id; raises ``OSError`` when that is not possible.

    ``kept`` are the descriptors for brake, question and talk. This process must have one thread.
    """
    words = [*request["python"], BOOT, *map(str, kept), request["kind"], request["name"], *request["arguments"]]
    environment = request["environment"]
    prepare = _preparation(request, kept)
    failing, failure = os.pipe()  # closed by itself when the program has started
    try:
        pid = os.fork()
        if pid == 0:
            _become(words, environment, prepare, failure)
        os.close(failure)
        failure = -1
        number = os.read(failing, 16)
    finally:
        os.close(failing)
        if failure >= 0:
            os.close(failure)
    if number:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)), words[0])
    return pid


def _become(words: list[str], environment: dict[str, str], prepare: Callable[[], None], failure: int) -> None:
    """Become the program; never returns."""
    number = 0
    try:
        prepare()
        os.execve(words[0], words, environment)  # noqa: S606 - no shell, on purpose
    except OSError as error:
        number = error.errno or 1
    finally:
        os.write(failure, b"%d" % (number or 22))
        os._exit(127)


def _preparation(request: dict[str, Any], kept: Sequence[int]) -> Callable[[], None]:
    """Return what is done between fork and exec."""
    import resource  # noqa: PLC0415 - not on every platform

    supervisor = os.getpid()
    process_control = _process_control()
    wanted = [(getattr(resource, name), amount) for name, amount in request["limits"] if hasattr(resource, name)]

    def prepare() -> None:
        for kind, amount in wanted:
            hard = resource.getrlimit(kind)[1]
            least = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            with suppress(OSError, ValueError):
                resource.setrlimit(kind, (least, least))
        for name in _GIVEN_BACK:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        if not request["shares_terminal"]:
            os.setpgid(0, 0)
        if request["confined"]:
            process_control(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        process_control(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(1)
        _connect(request)
        for descriptor in kept:
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes no keyword
        if request["cwd"]:
            os.chdir(request["cwd"])

    return prepare


def _connect(request: dict[str, Any]) -> None:
    """Hand on standard input and output, or connect them with nothing."""
    if request["inherit"]:
        if request["output_to_errors"]:
            os.dup2(2, 1)
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
