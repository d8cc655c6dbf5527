"""Nearest neighbours, a convex hull and distances of points on a grid."""


def run():
    import numpy as np
    from scipy.spatial import ConvexHull, cKDTree
    from scipy.spatial.distance import cdist

    points = np.array([[float(x), float(y)] for x in range(5) for y in range(5)])
    distance, place = cKDTree(points).query([3.2, 1.1])
    got = (round(float(distance), 9), points[place].tolist())
    if got != (round(0.05**0.5, 9), [3.0, 1.0]):
        raise AssertionError("neighbour: got %r, expected (0.223606798, [3.0, 1.0])" % (got,))
    got = float(ConvexHull(points).volume)
    if not abs(got - 16.0) < 1e-9:
        raise AssertionError("area of the hull: got %r, expected 16.0" % (got,))
    got = float(cdist([[0.0, 0.0]], [[3.0, 4.0]])[0, 0])
    if not abs(got - 5.0) < 1e-12:
        raise AssertionError("distance: got %r, expected 5.0" % (got,))
