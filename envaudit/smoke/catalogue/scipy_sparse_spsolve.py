"""Solve a sparse tridiagonal system whose solution is known."""


def run():
    import numpy as np
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    size = 60
    rows = np.concatenate([np.arange(size), np.arange(size - 1), np.arange(1, size)])
    columns = np.concatenate([np.arange(size), np.arange(1, size), np.arange(size - 1)])
    values = np.concatenate([np.full(size, 2.0), np.full(size - 1, -1.0), np.full(size - 1, -1.0)])
    matrix = sparse.coo_matrix((values, (rows, columns)), shape=(size, size)).tocsc()
    # -u'' = 2 on a grid: the parabola x (n + 1 - x) solves the difference equations exactly.
    got = spsolve(matrix, np.full(size, 2.0))
    for place, value in enumerate(got.tolist(), start=1):
        expected = float(place * (size + 1 - place))
        if not abs(value - expected) < 1e-8 * expected:
            raise AssertionError("got %r, expected %r" % (value, expected))
