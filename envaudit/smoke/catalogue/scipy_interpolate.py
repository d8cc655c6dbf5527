"""Splines through points of a cubic, where they are exact."""


def run():
    import numpy as np
    from scipy.interpolate import CubicSpline, RegularGridInterpolator

    x = np.arange(6.0)
    spline = CubicSpline(x, x**3)
    got = (float(spline(2.5)), float(spline(2.5, 1)))
    if not (abs(got[0] - 15.625) < 1e-9 and abs(got[1] - 18.75) < 1e-9):
        raise AssertionError("got %r, expected (15.625, 18.75)" % (got,))
    plane = RegularGridInterpolator((x, x), x[:, None] + 10.0 * x[None, :])
    got = float(np.ravel(plane([[1.5, 2.25]]))[0])
    if not abs(got - 24.0) < 1e-9:
        raise AssertionError("plane: got %r, expected 24.0" % (got,))
