"""Mean along a named dimension, and selection by label."""


def run():
    import numpy as np
    import xarray as xr

    array = xr.DataArray(np.arange(12.0).reshape(3, 4), dims=("row", "column"), coords={"row": [10, 20, 30]})
    got = [float(value) for value in array.mean(dim="column").values]
    if got != [1.5, 5.5, 9.5]:
        raise AssertionError("got %r, expected [1.5, 5.5, 9.5]" % (got,))
    got = float(array.sel(row=20).sum())
    if got != 22.0:
        raise AssertionError("selected: got %r, expected 22.0" % (got,))
