"""Compile a loop over an array and run it."""


def run():
    import numba
    import numpy as np

    @numba.njit
    def sum_of_squares(values):
        total = 0.0
        for value in values:
            total += value * value
        return total

    got = sum_of_squares(np.arange(11, dtype=np.float64))
    if got != 385.0:
        raise AssertionError("got %r, expected 385.0" % (got,))
