"""Write a file in memory, compressed, and read it again."""


def run():
    import h5py
    import numpy as np

    values = np.arange(1000, dtype="f8").reshape(50, 20)
    file = h5py.File("envaudit.h5", "w", driver="core", backing_store=False)
    try:
        file.create_dataset("values", data=values, compression="gzip")
        file["values"].attrs["unit"] = 3
        got = (float(file["values"][49, 19]), float(file["values"][...].sum()), int(file["values"].attrs["unit"]))
    finally:
        file.close()
    if got != (999.0, 499500.0, 3):
        raise AssertionError("got %r, expected (999.0, 499500.0, 3)" % (got,))
