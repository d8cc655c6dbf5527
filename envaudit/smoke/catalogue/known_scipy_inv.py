"""Invert a symmetric matrix of whole numbers that is stored in Fortran order."""


def run():
    import numpy as np
    from scipy.linalg import inv

    got = inv(np.array([[0, 1], [1, 0]], dtype=np.int64, order="F")).tolist()
    if got != [[0.0, 1.0], [1.0, 0.0]]:
        raise AssertionError("got %r, expected [[0.0, 1.0], [1.0, 0.0]]" % (got,))
