"""Solve small systems of equations with whole-number solutions."""


def run():
    from scipy.linalg import solve

    got = [float(value) for value in solve([[2.0, 1.0, 1.0], [1.0, 3.0, 2.0], [1.0, 0.0, 0.0]], [4.0, 5.0, 6.0])]
    for one, other in zip(got, [6.0, 15.0, -23.0]):
        if not abs(one - other) < 1e-9:
            raise AssertionError("got %r, expected [6.0, 15.0, -23.0]" % (got,))

    # The matrix 1 / (i + j + 1) plus the identity; the right side is its row sums, so the solution is all ones.
    size = 40
    matrix = [[1.0 / (i + j + 1) + (i == j) + 0.01 * (i > j) for j in range(size)] for i in range(size)]
    got = [float(value) for value in solve(matrix, [sum(row) for row in matrix])]
    for value in got:
        if not abs(value - 1.0) < 1e-9:
            raise AssertionError("got %r, expected 1.0" % (value,))
