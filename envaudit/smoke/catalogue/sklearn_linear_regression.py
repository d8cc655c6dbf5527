"""Fit a plane through points that lie on it."""


def run():
    import numpy as np
    from sklearn.linear_model import LinearRegression

    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 3.0], [4.0, 1.0]])
    values = 2.0 * points[:, 0] - 3.0 * points[:, 1] + 5.0
    model = LinearRegression().fit(points, values)
    got = [float(model.coef_[0]), float(model.coef_[1]), float(model.intercept_)]
    got.append(float(model.predict(np.array([[10.0, 10.0]]))[0]))
    for one, other in zip(got, [2.0, -3.0, 5.0, -5.0]):
        if not abs(one - other) < 1e-8:
            raise AssertionError("got %r, expected [2.0, -3.0, 5.0, -5.0]" % (got,))
