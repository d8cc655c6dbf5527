"""Regions, edges and a threshold of a picture made of squares."""


def run():
    import numpy as np
    from skimage import filters, measure, transform

    picture = np.zeros((20, 20))
    picture[2:6, 2:6] = 1.0
    picture[10:18, 10:18] = 1.0
    got = sorted(int(region.area) for region in measure.regionprops(measure.label(picture > 0.5)))
    if got != [16, 64]:
        raise AssertionError("areas: got %r, expected [16, 64]" % (got,))
    got = float(filters.threshold_otsu(picture))
    if not 0.0 <= got < 1.0:
        raise AssertionError("threshold: got %r, expected one between the two values" % (got,))
    got = float(transform.resize(picture, (10, 10), order=0, anti_aliasing=False).sum())
    if not abs(got - 20.0) < 1e-6:
        raise AssertionError("half the size: got a sum of %r, expected 20.0" % (got,))
