"""Project places on the globe to where they are known to be, and back."""


def run():
    from pyproj import Geod, Transformer

    there = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
    got = there.transform(180.0, 0.0)
    if not (abs(got[0] - 20037508.342789244) < 1e-3 and abs(got[1]) < 1e-3):
        raise AssertionError("got %r, expected (20037508.34, 0.0)" % (got,))
    got = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True).transform(*there.transform(8.5, 47.4))
    if not (abs(got[0] - 8.5) < 1e-9 and abs(got[1] - 47.4) < 1e-9):
        raise AssertionError("there and back: got %r, expected (8.5, 47.4)" % (got,))
    got = Geod(ellps="WGS84").inv(0.0, 0.0, 1.0, 0.0)[2]
    if not abs(got - 111319.49079327357) < 1e-3:
        raise AssertionError("one degree of the equator: got %r, expected 111319.49" % (got,))
