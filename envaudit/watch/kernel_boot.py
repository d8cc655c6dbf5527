"""Run a Jupyter kernel so that its supervisor knows the cell it is in, and tell why the kernel before it died.

Started under the kernel's own interpreter: ``python kernel_boot.py BOOT`` and then the arguments of ``boot.py``, whose
path BOOT is. ``ENVAUDIT_KERNEL`` holds a JSON object: ``verdict`` (the file to show, or empty), ``signal`` (its number
says that there is too much memory in use) and ``memory`` (the limit in words). Runs on Python 3.6 and later.
"""

# ruff: noqa: PLC0415 - nothing is loaded that the kernel itself might not load
# mypy: ignore-errors

import json
import os
import signal
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location

VARIABLE = "ENVAUDIT_KERNEL"
ABOUT = {}  # what the magic of envaudit reads of a watched kernel: "limit" in bytes
_MOST_SOURCE = 16000
_MOST_CAUSES = 20
_MOST_VERDICT = 1024 * 1024
_HEADER = ("msg_id", "msg_type", "session", "username", "version")


class Cells:
    """Says which cell is running, and stops it when there is too much memory in use."""

    def __init__(self, shell, talk, about):  # noqa: ANN001, ANN204 - no annotations that Python 3.6 would evaluate
        self.shell = shell
        self.talk = talk
        self.about = about
        self.running = False
        self.names = set()
        self.cache = shell.compile.cache

    def attach(self):  # noqa: ANN201
        """Have IPython say when cells begin and end, and under which name it compiles them."""
        self.shell.compile.cache = self.named
        self.shell.events.register("pre_run_cell", self.begin)
        self.shell.events.register("post_run_cell", self.end)
        if self.about["signal"]:
            signal.signal(self.about["signal"], self.too_much)

    def begin(self, info):  # noqa: ANN001, ANN201
        """Note a cell of the user; what front-ends run for themselves is not counted."""
        if not info.store_history:
            return
        self.running = True
        self.names.clear()
        path, self.about["verdict"] = self.about["verdict"], ""
        if path:
            self.show(path)

    def named(self, code, number=0, *words, **more):  # noqa: ANN001, ANN002, ANN003, ANN201
        """Compile as before, and pass on the name of the cell's code with its number and source."""
        name = self.cache(code, number, *words, **more)
        if self.running:
            self.names.add(name)
            self.talk.say(name=name, cell=number, text=str(code)[:_MOST_SOURCE], parent=header_of(self.shell))
        return name

    def end(self, result):  # noqa: ANN001, ANN201
        """Note that no cell runs; of an allocation that was refused say what the limit is."""
        if not self.running:
            return
        self.running = False
        self.talk.say(idle=True)
        error = result.error_in_exec
        if isinstance(error, MemoryError):
            let_go(error)
        if resident() > ABOUT["limit"] / 2:
            give_back()
        if isinstance(error, MemoryError) and not getattr(error, "by_envaudit", False):
            said = (self.about["memory"], in_use(stopped=False))
            sys.stderr.write("envaudit: this kernel may use %s; %s\n" % said)  # noqa: UP031

    def too_much(self, _number, frame):  # noqa: ANN001, ANN201
        """Raise ``MemoryError`` in the cell; while none runs, or it waits for something else, leave it."""
        __tracebackhide__ = True  # IPython then shows the line of the cell as the last
        while frame is not None and frame.f_code.co_filename not in self.names:
            frame = frame.f_back
        if frame is None or not self.running:
            return
        said = (self.about["memory"], in_use(stopped=True))
        words = "this kernel may use %s and envaudit has stopped the cell: %s. " % said  # noqa: UP031
        error = MemoryError(words + "Variables are kept: del what is not needed, or work on less at a time")
        error.by_envaudit = True
        raise error

    def show(self, path):  # noqa: ANN001, ANN201
        """Show why the kernel before this one died, above what the first cell shows."""
        try:
            with open(path, encoding="utf-8") as file:
                verdict = json.loads(file.read(_MOST_VERDICT))
        except (OSError, ValueError):
            return  # it has gone meanwhile
        self.shell.display_pub.publish(data=verdict["display"], metadata={})
        self.talk.say(shown=path)


def header_of(shell):  # noqa: ANN001, ANN201
    """Return the header of the request that runs the cell, as far as it is text."""
    header = getattr(shell, "parent_header", None) or {}
    header = header.get("header", header)
    return {name: header[name] for name in _HEADER if isinstance(header.get(name), str)}


def let_go(error):  # noqa: ANN001, ANN201
    """Free what the functions held in which memory ran out: the traceback, kept for a debugger, holds it otherwise."""
    for _ in range(_MOST_CAUSES):
        traceback.clear_frames(error.__traceback__)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            _ = frame.f_locals  # until Python 3.12 a copy, which holds the objects until it is asked for again
        error = error.__cause__ or error.__context__
        if error is None:
            return


def give_back():  # noqa: ANN201
    """Have the C library hand what is free in its heap to the system: it counts as used until then."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident():  # noqa: ANN201
    """Return the bytes of memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_use(stopped):  # noqa: ANN001, ANN201
    """Say how much memory this process has; it may have been ``stopped`` for what others have that belong to it."""
    used = resident()
    others = " by itself, more by the processes it has started" if stopped and used < 0.8 * ABOUT["limit"] else ""
    return "%.2f GiB are in use%s" % (used / 1024**3, others)  # noqa: UP031


def attach_at_start(talk, about):  # noqa: ANN001, ANN201
    """Have the kernel's application attach ``Cells`` when it starts."""
    own = sys.path[:1] == [os.path.dirname(os.path.abspath(__file__))]
    first = sys.path.pop(0) if own else ""  # neither our folder nor the current one may hide what a kernel needs
    try:
        from ipykernel.kernelapp import IPKernelApp
    finally:
        if own:
            sys.path.insert(0, first)
    start = IPKernelApp.start

    def start_watched(app):  # noqa: ANN001, ANN202
        IPKernelApp.start = start
        try:
            Cells(app.shell, talk, about).attach()
        except Exception as error:  # noqa: BLE001 - the kernel is worth more than knowing its cells
            talk.say(trouble=repr(error)[:500])
        return start(app)

    IPKernelApp.start = start_watched


def main():  # noqa: ANN201
    """Run what ``boot.py`` is told to run, with the kernel's application prepared."""
    spec = spec_from_file_location("_envaudit_boot_parts", sys.argv.pop(1))
    boot = module_from_spec(spec)
    spec.loader.exec_module(boot)
    about = json.loads(os.environ.pop(VARIABLE))
    ABOUT["limit"] = about["limit"]
    talk = boot.Talk(int(sys.argv[3]))
    run_module = boot.run_module

    def run_kernel(name):  # noqa: ANN001, ANN202
        attach_at_start(talk, about)
        run_module(name)

    boot.run_module = run_kernel
    boot.main()


if __name__ == "__main__":
    main()
