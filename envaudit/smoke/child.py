"""Run one smoke test and write how it went, as one JSON object, to a descriptor or file of its own.

Started by the supervisor under the target's own interpreter: ``python -I child.py TEST RESULT``, where TEST is a
file of the catalogue and RESULT the number of an open descriptor or, where descriptors cannot be handed over, the
path of a file. Runs on Python 3.6 and later and imports nothing but the standard library.
"""

import faulthandler
import json
import os
import signal
import sys
import types

# An exception from endless recursion has a thousand frames, and a text may hold a whole array.
_MOST_FRAMES = 60
_MOST_TEXT = 4000


def outcome_of(test):  # noqa: ANN001, ANN201 - no annotations that Python 3.6 would have to evaluate
    """Execute the file and call its ``run``; return what happened as a dictionary of plain values."""
    try:
        with open(test, "rb") as file:
            code = compile(file.read(), test, "exec")
        module = types.ModuleType("envaudit_smoke_test")
        module.__file__ = test
        sys.modules[module.__name__] = module  # compilers such as numba look up where a function was defined
        exec(code, module.__dict__)  # noqa: S102
        module.run()
    except SystemExit as error:
        return described("exit", error)
    except MemoryError as error:
        return described("memory", error)
    except BaseException as error:  # noqa: BLE001 - whatever a broken package raises is the result
        outcome = described("exception", error)
        # The catalogue's own comparison with the known answer, not an assert inside the library.
        if isinstance(error, AssertionError) and outcome["frames"] and outcome["frames"][-1][0] == test:
            outcome["end"] = "wrong"
        return outcome
    return {"end": "ok", "type": "", "text": "", "frames": []}


def described(end, error):  # noqa: ANN001, ANN201
    """Return type, text and frames of an exception, outermost frame first."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "." + kind.__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the text is the package's own code
        text = "(its text cannot be shown)"
    frames = []
    step = error.__traceback__
    while step is not None:
        frames.append([step.tb_frame.f_code.co_filename, step.tb_lineno, step.tb_frame.f_code.co_name])
        step = step.tb_next
    return {"end": end, "type": name[:200], "text": text[:_MOST_TEXT], "frames": frames[-_MOST_FRAMES:]}


def write(result, outcome):  # noqa: ANN001, ANN201
    """Write the outcome where the supervisor reads it."""
    data = json.dumps(outcome).encode("ascii", "backslashreplace")
    if not result.isdigit():
        with open(result, "wb") as file:
            file.write(data)
        return
    while data:
        data = data[os.write(int(result), data) :]


def main(test, result):  # noqa: ANN001, ANN201
    """Run the test, then leave the interpreter the ordinary way: a crash while it shuts down counts too."""
    if result.isdigit():
        os.set_inheritable(int(result), False)  # noqa: FBT003 - takes no keyword
    if hasattr(faulthandler, "register"):
        # The supervisor asks once for the Python line before it kills. One thread only: others may not hold still.
        faulthandler.register(signal.SIGUSR2, all_threads=False)
    write(result, outcome_of(test))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
