"""Write a raster with a place on the globe into memory and read it again."""


def run():
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    values = np.arange(12, dtype="int16").reshape(3, 4)
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "int16", "crs": "EPSG:4326"}
    with MemoryFile() as file:
        with file.open(transform=from_origin(10.0, 50.0, 0.5, 0.5), **profile) as data:
            data.write(values, 1)
        with file.open() as data:
            got = (int(data.read(1).sum()), data.index(11.2, 49.4), data.crs.to_epsg())
    if got != (66, (1, 2), 4326):
        raise AssertionError("got %r, expected (66, (1, 2), 4326)" % (got,))
    if not rasterio.__gdal_version__:
        raise AssertionError("got no version of GDAL, expected one")
