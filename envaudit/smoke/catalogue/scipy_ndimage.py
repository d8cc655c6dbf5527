"""Filters, labels and a shift of small pictures."""


def run():
    import numpy as np
    from scipy import ndimage

    picture = np.zeros((7, 7))
    picture[1:3, 1:3] = 1.0
    picture[5, 5] = 1.0
    labels, count = ndimage.label(picture)
    if (int(count), int((labels == labels[1, 1]).sum())) != (2, 4):
        raise AssertionError("labels: got %r and %r, expected 2 and 4" % (count, labels.tolist()))
    got = float(ndimage.uniform_filter(picture, 3, mode="constant")[2, 2])
    if not abs(got - 4.0 / 9.0) < 1e-12:
        raise AssertionError("mean: got %r, expected 4/9" % (got,))
    got = ndimage.shift(picture, (1, 0), order=0)[2:4, 1].tolist()
    if got != [1.0, 1.0]:
        raise AssertionError("shifted: got %r, expected [1.0, 1.0]" % (got,))
