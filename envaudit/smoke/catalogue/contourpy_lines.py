"""A contour line of an inclined plane."""


def run():
    import contourpy
    import numpy as np

    x, y = np.meshgrid(np.arange(5.0), np.arange(4.0))
    lines = contourpy.contour_generator(x, y, x).lines(1.5)
    if len(lines) != 1:
        raise AssertionError("got %d lines, expected 1" % (len(lines),))
    points = np.asarray(lines[0])
    got = (points[:, 0].tolist(), sorted(points[:, 1].tolist()))
    if got != ([1.5] * 4, [0.0, 1.0, 2.0, 3.0]):
        raise AssertionError("got %r, expected the points above x = 1.5" % (got,))
