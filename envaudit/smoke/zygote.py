"""Import once, and run every smoke test in a fork of what has only imported: far cheaper than to import for each.

Started by the supervisor under the target's own interpreter: ``python -I zygote.py PLAN RESULT``. PLAN is a JSON file
with a tree (``plan.py``). Each node of it is a process that has imported what the nodes above it have and its own
modules, nothing else, and has called nothing: a library that has only been imported survives a fork, one that has
started threads may not. Tests run in forks of their node, one at a time.

RESULT is the number of an open descriptor. Only a test that has passed in every respect is named there, one JSON line
for each; whatever else happens here proves nothing, and the test is run again in a process of its own. Runs on
Python 3.6 and later, on Linux, and imports nothing but the standard library.
"""

import atexit
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import tempfile
import time

# <sys/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_GRACE = 0.5  # seconds that helpers of a finished test get to end by themselves
_KILL_ROUNDS = 200
_TICK = 0.002
_MOST_OUTPUT = 1024 * 1024
# Files of libraries that start threads when they are imported and do not go on after a fork.
_UNSAFE = ("cygrpc", "tensorflow", "jaxlib", "libcuda")
_CONTROL = ctypes.CDLL(None).prctl


class Zygote:
    """What all processes of the tree share."""

    def __init__(self, plan, result):  # noqa: ANN001, ANN204 - no annotations that Python 3.6 would have to evaluate
        self.plan = plan
        self.result = result
        self.home = os.getcwd()
        self.count = 0
        self.runner = {"__name__": "envaudit_child"}
        with open(plan["child"], "rb") as file:
            exec(compile(file.read(), plan["child"], "exec"), self.runner)  # noqa: S102

    def say(self, **words):  # noqa: ANN003, ANN201
        """Write one line; short enough to arrive in one piece."""
        os.write(self.result, (json.dumps(words) + "\n").encode("ascii", "backslashreplace"))

    def branch(self, node):  # noqa: ANN001, ANN201
        """Grow a node in a process of its own; again without the module, if importing one ends it."""
        while True:
            reading, ready = os.pipe()
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                follow_parent(parent)
                self.grow(node, ready)
            os.close(ready)
            begun, done = self.watch_imports(reading, len(node["imports"]))
            os.close(reading)
            if not done:
                kill(pid)
            os.waitpid(pid, 0)
            clear_strays()
            if done or not begun:
                return
            self.say(broken=node["imports"][begun - 1])
            without(node, node["imports"][begun - 1])
            if not holds_tests(node):
                return

    def watch_imports(self, reading, count):  # noqa: ANN001, ANN201
        """Return how many imports a node has begun, and whether all of them are done."""
        begun = 0
        while True:
            if not select.select([reading], [], [], self.plan["import_seconds"])[0]:
                return begun, False
            data = os.read(reading, count + 1)
            if not data:
                return begun, False
            begun += data.count(b"i")
            if b"." in data:
                return begun, True

    def grow(self, node, ready):  # noqa: ANN001, ANN201
        """Import, then run what hangs on this node; never returns."""
        for name in node["imports"]:
            os.write(ready, b"i")
            try:
                __import__(name)
            except BaseException:  # noqa: BLE001 - whatever it is, the fresh process will tell
                os._exit(1)
        os.write(ready, b".")
        os.close(ready)
        if can_fork():
            self.run_below(node)
        os._exit(0)

    def run_below(self, node):  # noqa: ANN001, ANN201
        """Run the tests of this node and grow the nodes below it."""
        if hasattr(gc, "freeze"):
            gc.freeze()  # what is never collected is not copied either
        for name, path, _ in node["tests"]:
            if not self.test(name, path):
                return  # whatever has locked here will do it again
        for below in node["nodes"]:
            self.branch(below)

    def test(self, name, path):  # noqa: ANN001, ANN201
        """Run one test in a fork and say whether it passed; return whether it came to an end."""
        self.count += 1
        folder = os.path.join(self.home, "%d-%d" % (os.getpid(), self.count))  # noqa: UP031
        os.mkdir(folder, 0o700)
        reading, writing = os.pipe()
        output = os.open(folder + ".output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        parent = os.getpid()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            os.close(self.result)
            follow_parent(parent)
            self.become(path, folder, output, writing)
        os.close(writing)
        status, peak, passed = wait_for(pid, reading, started + self.plan["seconds"])
        seconds = time.monotonic() - started
        os.close(reading)
        written = os.fstat(output).st_size
        os.close(output)
        clean = clear_strays()
        if passed and status == 0 and clean and written <= min(self.plan["output"], _MOST_OUTPUT):
            self.say(test=name, seconds=round(seconds, 4), peak=peak)
        else:
            self.say(failed=name)
        return status is not None

    def become(self, path, folder, output, writing):  # noqa: ANN001, ANN201
        """Turn a fork into a test, with a folder of its own, and leave as an ordinary program does."""
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.chdir(folder)
        for key, value in list(os.environ.items()):
            if value == self.home:
                os.environ[key] = folder
        tempfile.tempdir = None
        gc.enable()
        if self.runner["outcome_of"](path)["end"] == "ok":
            os.write(writing, b"ok")
        if self.plan["leave"] == "whole":
            sys.exit(0)  # a crash while it shuts down counts too
        # What was registered with Python and with the C library runs, but no module is taken apart: that would copy all
        # that forks share, and take longer than most tests.
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no other name for it
        sys.stdout.flush()
        ctypes.PyDLL(None).exit(0)


def follow_parent(parent):  # noqa: ANN001, ANN201
    """Die with the parent, and take in the orphans of what is started here."""
    _CONTROL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _CONTROL(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def wait_for(pid, reading, deadline):  # noqa: ANN001, ANN201
    """Return exit status, peak memory in bytes, and whether the test said that it passed.

    At the deadline it is killed and its status is ``None``.
    """
    said = b""
    open_ = True
    while True:
        if open_ and select.select([reading], [], [], max(0.0, min(0.05, deadline - time.monotonic())))[0]:
            data = os.read(reading, 16)
            said += data
            open_ = bool(data)
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage.ru_maxrss * 1024, said == b"ok"
        if time.monotonic() > deadline:
            kill(pid)
            _, status, usage = os.wait4(pid, 0)
            return None, usage.ru_maxrss * 1024, False
        if not open_:
            time.sleep(_TICK)


def kill(pid):  # noqa: ANN001, ANN201
    """Kill a process that may be gone."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def clear_strays():  # noqa: ANN201
    """Kill what a test has left, which has come to this process; say whether there was nothing."""
    until = time.monotonic() + _GRACE
    rounds = 0
    while rounds < _KILL_ROUNDS:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return not rounds
        if time.monotonic() > until:
            rounds += 1
            for pid in children():
                kill(pid)
        time.sleep(_TICK)
    return False


def children():  # noqa: ANN201
    """Return the processes whose parent is this one."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:  # noqa: UP031
                    words = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(words[1]) == os.getpid():
                found.append(int(name))
    return found


def can_fork():  # noqa: ANN201
    """Say whether what has been loaded may be forked: no helper processes, and no library that is known to hang.

    Threads alone are no obstacle. OpenBLAS, Arrow, jemalloc and NumExpr start theirs anew after a fork, and where a
    library does not, its test hangs or dies in the fork, which proves nothing and is tried again elsewhere.
    """
    if children():
        return False
    with open("/proc/self/maps", errors="replace") as lines:
        return not any(word in line for line in lines for word in _UNSAFE)


def without(node, module):  # noqa: ANN001, ANN201
    """Take a module out of a node, with every test that imports it."""
    node["imports"] = [name for name in node["imports"] if name != module]
    node["tests"] = [test for test in node["tests"] if module not in test[2]]
    for below in node["nodes"]:
        without(below, module)
    node["nodes"] = [below for below in node["nodes"] if holds_tests(below)]


def holds_tests(node):  # noqa: ANN001, ANN201
    """Say whether there is any test at or below a node."""
    return bool(node["tests"]) or any(holds_tests(below) for below in node["nodes"])


def main(plan, result):  # noqa: ANN001, ANN201
    """Run everything of the plan."""
    os.set_inheritable(result, False)  # noqa: FBT003 - takes no keyword
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # the supervisor's question for the Python line
    _CONTROL(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(plan, encoding="utf-8") as file:
        zygote = Zygote(json.load(file), result)
    gc.disable()  # nothing worth collecting is left by imports, and looking for it would copy what forks share
    zygote.run_below(zygote.plan["root"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
