"""Run a program the way Python would, with its crashes and its end reported to descriptors.

Started by the supervisor under the target's own interpreter: ``python boot.py BRAKE ASK TALK KIND NAME ARGUMENTS``.
BRAKE is the pipe for crashes, ASK the one for the answer to the question where the program is, TALK the one for JSON
lines; each is the number of a descriptor or the path of a file. KIND is ``script``, ``module`` or ``notebook`` (NAME
is then a JSON file of its cells). Runs on Python 3.6 and later and imports nothing but the standard library.
"""

# ruff: noqa: PLC0415 - nothing is loaded that the program itself might not load

import _signal  # signal itself loads enum, which takes a tenth as long as all of Python
import faulthandler
import os
import sys

_MOST_FRAMES = 60
_MOST_TEXT = 4000
_HERE = __file__
_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COROUTINE = 0x80  # inspect.CO_COROUTINE


def hold(brake, ask):  # noqa: ANN001, ANN201 - no annotations that Python 3.6 would have to evaluate
    """Have crashes written to the brake, and nobody take it away."""
    faulthandler.disable()  # enabled by -X or the environment, it would keep the handlers that it found
    for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"):
        if hasattr(_signal, name):
            # The handler that faulthandler restores before it writes: another thread that crashes meanwhile then
            # goes round in circles instead of ending the process.
            _signal.signal(getattr(_signal, name), lambda *_: None)
    faulthandler.enable(brake)
    faulthandler.enable = lambda *_, **__: None
    faulthandler.disable = lambda: True
    keep_handlers()
    if hasattr(faulthandler, "register"):
        faulthandler.register(_signal.SIGUSR2, file=ask, all_threads=False)


def keep_handlers():  # noqa: ANN201
    """Have nobody who sets the handlers of crashes back to the default take them away; compiled code still can."""
    plain = _signal.signal
    kept = [getattr(_signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE") if hasattr(_signal, name)]

    def signal(number, handler):  # noqa: ANN001, ANN202
        """Set the action for a signal and return the one before."""
        if handler in (_signal.SIG_DFL, _signal.SIG_IGN) and number in kept:
            return _signal.SIG_DFL
        return plain(number, handler)

    _signal.signal = signal


def as_json(value):  # noqa: ANN001, ANN201
    """Return JSON of texts, numbers, lists and dictionaries; the module for it takes long to load."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(as_json(key) + ": " + as_json(value[key]) for key in value)  # noqa: UP031
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(as_json, value))  # noqa: UP031
    if isinstance(value, int):
        return str(int(value))
    raw = value.encode("utf-16-be", "surrogatepass")
    units = [raw[place] * 256 + raw[place + 1] for place in range(0, len(raw), 2)]
    plain = [chr(unit) if 31 < unit < 127 and unit not in (34, 92) else "\\u%04x" % unit for unit in units]  # noqa: UP031
    return '"%s"' % "".join(plain)  # noqa: UP031


class Talk:
    """Says how far the program is; silent in processes that it forks."""

    def __init__(self, descriptor):  # noqa: ANN001, ANN204
        self.descriptor = descriptor
        self.pid = os.getpid()

    def say(self, **words):  # noqa: ANN003, ANN201
        """Write one line. What cannot be written is not worth stopping the program for."""
        if os.getpid() != self.pid:
            return
        data = as_json(words).encode("ascii") + b"\n"
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except OSError:
            self.pid = -1

    def end(self, kind, error):  # noqa: ANN001, ANN201
        """Report an exception with type, text and frames, outermost first."""
        name = type(error).__name__
        if type(error).__module__ not in ("builtins", "__main__"):
            name = type(error).__module__ + "." + name
        try:
            text = str(error)
        except Exception:  # noqa: BLE001 - the text is the program's own code
            text = "(its text cannot be shown)"
        frames = []
        step = own_left_out(error.__traceback__)
        while step is not None:
            frames.append([step.tb_frame.f_code.co_filename, step.tb_lineno, step.tb_frame.f_code.co_name])
            step = step.tb_next
        if isinstance(error, SyntaxError) and error.filename:
            frames.append([str(error.filename), error.lineno or 0, "<module>"])
        self.say(end=kind, type=name[:200], text=text[:_MOST_TEXT], frames=frames[-_MOST_FRAMES:])


def own_left_out(step):  # noqa: ANN001, ANN201
    """Return a traceback without our frames and those of runpy at its beginning."""
    while step is not None and step.tb_frame.f_code.co_filename in (_HERE, "<frozen runpy>", runpy_file()):
        step = step.tb_next
    return step


def runpy_file():  # noqa: ANN201
    """Return the file of runpy, where it has been loaded."""
    return getattr(sys.modules.get("runpy"), "__file__", None)


def new_main(path):  # noqa: ANN001, ANN201
    """Make an empty main module, as a program of its own would have, and keep ours under another name."""
    sys.modules["_envaudit_boot"] = sys.modules["__main__"]
    main = type(sys)("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    if path:
        main.__file__ = path
    sys.modules["__main__"] = main
    return main.__dict__


def search_first(folder):  # noqa: ANN001, ANN201
    """Put the program's folder where ours stands; nothing does where Python was told not to."""
    if not (getattr(sys.flags, "safe_path", False) or sys.flags.isolated):
        sys.path[0] = folder


def run_script(name):  # noqa: ANN001, ANN201
    """Run a file, or a folder or zip file with a ``__main__``."""
    import io

    search_first(os.path.dirname(os.path.realpath(name)))
    if os.path.isdir(name) or not name.endswith((".py", ".pyw")):
        import zipfile

        if os.path.isdir(name) or zipfile.is_zipfile(name):
            import runpy

            new_main(None)
            runpy.run_path(name, run_name="__main__")
            return
    with io.open_code(name) if hasattr(io, "open_code") else open(name, "rb") as file:
        source = file.read()
    names = new_main(name)
    names["__cached__"] = None
    try:
        from _frozen_importlib_external import SourceFileLoader
    except ImportError:
        from importlib.machinery import SourceFileLoader

    names["__loader__"] = SourceFileLoader("__main__", name)
    exec(compile(source, name, "exec"), names)  # noqa: S102


def run_module(name):  # noqa: ANN001, ANN201
    """Run a module as ``python -m`` does."""
    import runpy

    search_first(os.getcwd())
    new_main(None)
    runpy._run_module_as_main(name)  # noqa: SLF001 - what python -m itself calls


def run_notebook(name, talk):  # noqa: ANN001, ANN201
    """Run the cells one after the other in one namespace, and show what each cell's last line evaluates to."""
    import json

    with open(name, encoding="utf-8") as file:
        book = json.load(file)
    search_first(os.getcwd())
    names = new_main(None)
    names["display"] = print
    for cell in book:
        talk.say(cell=cell["number"])
        run_cell("<cell %d>" % cell["number"], cell["text"], names)  # noqa: UP031
    talk.say(cell=0)


def run_cell(place, text, names):  # noqa: ANN001, ANN201
    """Run one cell; its source is known to tracebacks."""
    import ast
    import linecache

    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    tree = ast.parse(text, place)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    run_code(compile(tree, place, "exec", _AWAIT if sys.version_info >= (3, 8) else 0), names)
    if last is not None:
        code = compile(ast.Expression(last.value), place, "eval", _AWAIT if sys.version_info >= (3, 8) else 0)
        value = run_code(code, names)
        if value is not None and not text.rstrip().endswith(";"):
            sys.stdout.write(repr(value) + "\n")
    sys.stdout.flush()


def run_code(code, names):  # noqa: ANN001, ANN201
    """Evaluate code, which may wait for something (``await``) as it may in a notebook."""
    value = eval(code, names)  # noqa: S307
    if code.co_flags & _COROUTINE:
        import asyncio

        loop = names.setdefault("_envaudit_loop", None) or asyncio.new_event_loop()
        names["_envaudit_loop"] = loop
        return loop.run_until_complete(value)
    return value


def descriptor_of(word):  # noqa: ANN001, ANN201
    """Return the number that was handed on, or open the file that stands for it where that is not possible."""
    return int(word) if word.isdigit() else os.open(word, os.O_WRONLY | os.O_APPEND)


def main():  # noqa: ANN201
    """Run what the command line names and report how it ended."""
    brake, ask, talk_to = map(descriptor_of, sys.argv[1:4])
    kind, name = sys.argv[4:6]
    for descriptor in (brake, ask, talk_to):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
    hold(brake, ask)
    talk = Talk(talk_to)
    sys.argv[:] = sys.argv[5:]
    talk.say(begun=os.getpid())
    try:
        if kind == "notebook":
            run_notebook(name, talk)
        elif kind == "module":
            run_module(name)
        else:
            run_script(name)
    except SystemExit as error:
        talk.end("exit", error)
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is how it ended
        talk.end("memory" if isinstance(error, MemoryError) else "exception", error)
        error.__traceback__ = own_left_out(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
    talk.say(end="ok", type="", text="", frames=[])


if __name__ == "__main__":
    main()
