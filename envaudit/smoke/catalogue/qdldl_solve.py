"""Solve a sparse symmetric system."""


def run():
    import numpy as np
    import qdldl
    from scipy import sparse

    matrix = sparse.csc_matrix(np.array([[4.0, 1.0], [1.0, 3.0]]))
    got = [float(value) for value in np.ravel(qdldl.Solver(matrix).solve(np.array([1.0, 2.0])))]
    # x = (1/11, 7/11)
    if len(got) != 2 or not (abs(got[0] - 1 / 11) < 1e-9 and abs(got[1] - 7 / 11) < 1e-9):
        raise AssertionError("got %r, expected [0.0909..., 0.6363...]" % (got,))
