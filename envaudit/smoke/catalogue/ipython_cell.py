"""Run cells in IPython's shell, without a kernel."""


def run():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    for cell in ("a = 6 * 7", "def double(n):\n    return 2 * n", "b = double(a)"):
        result = shell.run_cell(cell, store_history=False)
        if not result.success:
            raise AssertionError("got an error in %r, expected none" % (cell,))
    got = (shell.user_ns["a"], shell.user_ns["b"])
    if got != (42, 84):
        raise AssertionError("got %r, expected (42, 84)" % (got,))
