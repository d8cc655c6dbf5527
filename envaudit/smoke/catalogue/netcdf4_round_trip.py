"""Write a data set in memory and read it again."""


def run():
    import netCDF4
    import numpy as np

    data = netCDF4.Dataset("envaudit.nc", "w", diskless=True, persist=False)
    try:
        data.createDimension("x", 10)
        variable = data.createVariable("values", "f8", ("x",))
        variable[:] = np.arange(10.0)
        variable.units = "m"
        got = (float(variable[9]), float(np.sum(variable[:])), str(variable.units))
    finally:
        data.close()
    if got != (9.0, 45.0, "m"):
        raise AssertionError("got %r, expected (9.0, 45.0, 'm')" % (got,))
