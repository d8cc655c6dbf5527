"""Solve with a symmetric indefinite matrix in Fortran order that may be overwritten."""


def run():
    import numpy as np
    from scipy.linalg import solve

    for size in (2, 5, 20):
        matrix = np.asfortranarray(np.fliplr(np.eye(size)))
        got = solve(matrix, np.arange(float(size)), overwrite_a=True).tolist()
        expected = [float(size - 1 - place) for place in range(size)]
        if not max(abs(one - other) for one, other in zip(got, expected)) < 1e-9:
            raise AssertionError("got %r, expected %r" % (got, expected))
