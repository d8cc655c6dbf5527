"""Least squares on points that lie on a line."""


def run():
    import numpy as np
    import statsmodels.api as sm

    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    noise = np.array([1.0, -2.0, 0.0, 2.0, -1.0]) * 0.1  # orthogonal to 1 and, with the slope below, known
    result = sm.OLS(3.0 * x + 2.0 + noise, sm.add_constant(x)).fit()
    # The slope of the noise itself: sum((x - 2) * noise) / sum((x - 2) ** 2) = 0.
    got = [float(value) for value in result.params]
    for one, other in zip(got, [2.0, 3.0]):
        if not abs(one - other) < 1e-9:
            raise AssertionError("got %r, expected [2.0, 3.0]" % (got,))
