"""Eigenvalues of matrices where they are known, dense and sparse."""


def run():
    import math

    import numpy as np
    from scipy.linalg import eigh
    from scipy.sparse import diags
    from scipy.sparse.linalg import eigsh

    size = 30
    full = np.diag([2.0] * size) - np.diag([1.0] * (size - 1), 1) - np.diag([1.0] * (size - 1), -1)
    expected = [2.0 - 2.0 * math.cos(math.pi * k / (size + 1)) for k in range(1, size + 1)]
    got = [float(value) for value in eigh(full)[0]]
    for one, other in zip(got, expected):
        if not abs(one - other) < 1e-9:
            raise AssertionError("dense: got %r, expected %r" % (got, expected))
    sparse = diags([[-1.0] * (size - 1), [2.0] * size, [-1.0] * (size - 1)], [-1, 0, 1]).tocsc()
    got = sorted(float(value) for value in eigsh(sparse, k=3, which="LM", v0=np.ones(size) + np.arange(size))[0])
    for one, other in zip(got, expected[-3:]):
        if not abs(one - other) < 1e-8:
            raise AssertionError("sparse: got %r, expected %r" % (got, expected[-3:]))
