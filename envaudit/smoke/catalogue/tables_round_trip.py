"""Write an array into a file in memory and read it again."""


def run():
    import numpy as np
    import tables

    file = tables.open_file("envaudit.h5", "w", driver="H5FD_CORE", driver_core_backing_store=0)
    try:
        node = file.create_array(file.root, "values", np.arange(100, dtype="f8"))
        got = (float(node[99]), float(node[:].sum()))
    finally:
        file.close()
    if got != (99.0, 4950.0):
        raise AssertionError("got %r, expected (99.0, 4950.0)" % (got,))
