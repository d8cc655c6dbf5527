"""Areas and the intersection of two squares."""


def run():
    from shapely.geometry import Point, box

    first, second = box(0, 0, 2, 2), box(1, 1, 3, 3)
    got = (first.area, first.intersection(second).area, first.union(second).area, first.distance(Point(5, 2)))
    if got != (4.0, 1.0, 7.0, 3.0):
        raise AssertionError("got %r, expected (4.0, 1.0, 7.0, 3.0)" % (got,))
