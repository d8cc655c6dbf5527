"""Haar transform of four numbers, and back."""


def run():
    import math

    import pywt

    low, high = pywt.dwt([1.0, 2.0, 3.0, 4.0], "haar")
    root = math.sqrt(2)
    got = [float(value) for value in low] + [float(value) for value in high]
    for one, other in zip(got, [3 / root, 7 / root, -1 / root, -1 / root]):
        if not abs(one - other) < 1e-12:
            raise AssertionError("got %r, expected 3, 7, -1 and -1 divided by the root of 2" % (got,))
    got = [float(value) for value in pywt.idwt(low, high, "haar")]
    if not all(abs(one - other) < 1e-12 for one, other in zip(got, [1.0, 2.0, 3.0, 4.0])):
        raise AssertionError("back: got %r, expected [1.0, 2.0, 3.0, 4.0]" % (got,))
