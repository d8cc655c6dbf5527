"""Means that pass over what is missing, and moving ones."""


def run():
    import bottleneck
    import numpy as np

    got = float(bottleneck.nanmean(np.array([1.0, float("nan"), 3.0])))
    if got != 2.0:
        raise AssertionError("mean: got %r, expected 2.0" % (got,))
    got = bottleneck.move_mean(np.arange(5.0), window=2).tolist()[1:]
    if got != [0.5, 1.5, 2.5, 3.5]:
        raise AssertionError("moving mean: got %r, expected [0.5, 1.5, 2.5, 3.5]" % (got,))
