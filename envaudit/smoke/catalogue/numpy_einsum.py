"""Contractions, sums along axes and sorted copies with known entries."""


def run():
    import numpy as np

    cube = np.arange(24).reshape(2, 3, 4)
    got = np.einsum("ijk->kj", cube).tolist()
    expected = [[12 + 8 * j + 2 * k for j in range(3)] for k in range(4)]
    if got != expected:
        raise AssertionError("contraction: got %r, expected %r" % (got, expected))
    mixed = (np.arange(1000) * 7919) % 1000
    got = (np.sort(mixed).tolist(), int(mixed[np.argsort(mixed, kind="mergesort")][17]), int(np.unique(mixed % 10).sum()))
    if got != (list(range(1000)), 17, 45):
        raise AssertionError("sorted: got %r, expected 0 to 999, 17 and 45" % (got,))
    got = np.cumsum(np.ones((3, 4), dtype="f4"), axis=1)[:, -1].tolist()
    if got != [4.0, 4.0, 4.0]:
        raise AssertionError("running sum: got %r, expected three times 4.0" % (got,))
