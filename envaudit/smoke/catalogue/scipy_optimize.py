"""A root, a minimum and a fit whose answers are known."""


def run():
    import math

    import numpy as np
    from scipy import optimize

    near("root", optimize.brentq(lambda x: x * x - 2, 0, 2), math.sqrt(2), 1e-9)
    result = optimize.minimize(lambda x: (x[0] - 1) ** 2 + (x[1] + 2) ** 2, [0.0, 0.0], method="BFGS")
    near("minimum", result.x[0], 1.0, 1e-4)
    near("minimum", result.x[1], -2.0, 1e-4)
    x = np.linspace(0.0, 4.0, 30)
    fitted = optimize.curve_fit(lambda t, a, b: a * t + b, x, 3 * x - 1)[0]
    near("fit", fitted[0], 3.0, 1e-6)
    near("fit", fitted[1], -1.0, 1e-6)
    cost = optimize.nnls(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([2.0, 3.0]))[0]
    near("least squares", cost[1], 3.0, 1e-9)


def near(what, got, expected, distance):
    if not abs(float(got) - expected) < distance:
        raise AssertionError("%s: got %r, expected %r" % (what, float(got), expected))
