"""Evaluate an expression over arrays."""


def run():
    import numexpr
    import numpy as np

    a = np.arange(20000, dtype=np.float64)
    b = np.full(20000, 0.5)
    got = numexpr.evaluate("2 * a + b ** 2", local_dict={"a": a, "b": b})
    worst = float(abs(got - (2 * a + 0.25)).max())
    if not worst < 1e-9:
        raise AssertionError("got a difference of %r, expected 0" % (worst,))
