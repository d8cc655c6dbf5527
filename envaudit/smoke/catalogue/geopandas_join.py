"""Join points to the squares they lie in, with a reference system."""


def run():
    import geopandas
    from shapely.geometry import Point, box

    squares = geopandas.GeoDataFrame({"name": ["left", "right"]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs=3857)
    points = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=[Point(1.5, 0.5), Point(0.5, 0.5)], crs=3857)
    got = geopandas.sjoin(points, squares).sort_values("n")["name"].tolist()
    if got != ["right", "left"]:
        raise AssertionError("got %r, expected ['right', 'left']" % (got,))
    got = float(squares.buffer(0).area.sum())
    if not abs(got - 2.0) < 1e-12:
        raise AssertionError("area: got %r, expected 2.0" % (got,))
