"""Factor matrices (LU, Cholesky, QR) and multiply the factors again."""


def run():
    import math

    import numpy as np
    from scipy import linalg

    matrix = np.array([[4.0, 2.0, 0.5], [2.0, 5.0, 1.0], [0.5, 1.0, 3.0]])
    permutation, lower, upper = linalg.lu(matrix)
    same("LU", permutation @ lower @ upper, matrix)
    factor = linalg.cholesky(matrix, lower=True)
    same("Cholesky", factor @ factor.T, matrix)
    q, r = linalg.qr(matrix)
    same("QR", q @ r, matrix)
    angle = 0.3
    turned = linalg.expm(np.array([[0.0, -angle], [angle, 0.0]]))
    same(
        "matrix exponential",
        turned,
        np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]),
    )


def same(what, got, expected):
    worst = float(abs(got - expected).max())
    if not worst < 1e-10:
        raise AssertionError("%s: got %r, expected %r" % (what, got.tolist(), expected.tolist()))
