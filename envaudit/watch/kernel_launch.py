"""Start a Jupyter kernel under the watch of envaudit. Written by ``envaudit kernel install``.

``launch.py FOLDER OPTIONS -- COMMAND``: envaudit is looked for in FOLDER; where it is gone, the kernel starts all the
same and nobody watches it.
"""

import os
import sys


def main() -> None:
    """Become the kernel's supervisor, or the kernel itself."""
    end = sys.argv.index("--")
    folder, options, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1 :]
    sys.path.append(folder)
    try:
        from envaudit.watch.kernel import main as watch  # noqa: PLC0415 - only now it is known where it is
    except (ImportError, SyntaxError) as error:
        why = "envaudit is not in %s, or cannot run (%s)" % (folder, error)  # noqa: UP031
        sys.stderr.write(why + ": the kernel starts without its watch\n")
        os.execv(command[0], command)  # noqa: S606 - there is no shell
    watch(options, command)


if __name__ == "__main__":
    main()
