"""Write a compressed array of several blocks into memory and read it again."""


def run():
    import numpy as np
    import zarr

    array = zarr.array(np.arange(100).reshape(10, 10), chunks=(3, 4))
    got = (int(np.asarray(array[2:5, 3]).sum()), array.shape)
    if got != (33 + 23 + 43, (10, 10)):
        raise AssertionError("got %r, expected (99, (10, 10))" % (got,))
