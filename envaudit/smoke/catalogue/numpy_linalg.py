"""Singular values, eigenvalues, inverse and determinant of matrices where they are known."""


def run():
    import math

    import numpy as np

    got = np.linalg.svd(np.array([[3.0, 0.0], [4.0, 5.0]]), compute_uv=False).tolist()
    expected = [math.sqrt(45), math.sqrt(5)]
    near("singular values", got, expected)

    size = 30
    second_difference = 2 * np.eye(size) - np.eye(size, k=1) - np.eye(size, k=-1)
    got = np.linalg.eigvalsh(second_difference).tolist()
    expected = [2 - 2 * math.cos(k * math.pi / (size + 1)) for k in range(1, size + 1)]
    near("eigenvalues", got, expected)

    near("determinant", [float(np.linalg.det(second_difference))], [size + 1.0])
    got = (np.linalg.inv(second_difference) @ second_difference).ravel().tolist()
    near("inverse times matrix", got, np.eye(size).ravel().tolist())


def near(what, got, expected):
    for one, other in zip(got, expected):
        if not abs(one - other) < 1e-9:
            raise AssertionError("%s: got %r, expected %r" % (what, one, other))
    if len(got) != len(expected):
        raise AssertionError("%s: got %d numbers, expected %d" % (what, len(got), len(expected)))
