"""Convert units, times and places in the sky without any table of the network."""


def run():
    import io

    import numpy as np
    from astropy import units
    from astropy.io import fits
    from astropy.time import Time

    got = float((1.0 * units.km / units.s).to(units.m / units.s).value)
    if not abs(got - 1000.0) < 1e-9:
        raise AssertionError("speed: got %r, expected 1000.0" % (got,))
    got = float(Time("2000-01-01T12:00:00", scale="tt").jd)
    if got != 2451545.0:
        raise AssertionError("Julian day: got %r, expected 2451545.0" % (got,))
    file = io.BytesIO()
    fits.PrimaryHDU(np.arange(12, dtype="i4").reshape(3, 4)).writeto(file)
    file.seek(0)
    with fits.open(file) as read:
        got = int(read[0].data.sum())
    if got != 66:
        raise AssertionError("FITS: got %r, expected 66" % (got,))
