"""Write pages of a TIFF into memory and read them again."""


def run():
    import io

    import numpy as np
    import tifffile

    pages = np.arange(60, dtype="u2").reshape(3, 4, 5)
    file = io.BytesIO()
    tifffile.imwrite(file, pages, photometric="minisblack")
    file.seek(0)
    got = np.asarray(tifffile.imread(file))
    if got.tolist() != pages.tolist():
        raise AssertionError("got %r, expected %r" % (got.tolist(), pages.tolist()))
