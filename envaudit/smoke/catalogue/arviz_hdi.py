"""The narrowest interval that holds half of the squares of 0 to 1000: those of 0 to 500."""


def run():
    import arviz
    import numpy as np

    squares = np.arange(1001.0) ** 2
    ask = {"prob": 0.5} if int(arviz.__version__.partition(".")[0]) >= 1 else {"hdi_prob": 0.5}
    low, high = (float(value) for value in np.asarray(arviz.hdi(squares, **ask)).ravel())
    if low != 0.0 or not abs(high - 500.0**2) <= 1001.0:  # a step from one square to the next
        raise AssertionError("got %r, expected about (0.0, 250000.0)" % ((low, high),))
