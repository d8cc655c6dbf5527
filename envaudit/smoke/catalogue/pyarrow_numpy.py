"""Hand numbers from NumPy to Arrow and back."""


def run():
    import numpy as np
    import pyarrow as pa

    got = pa.array(np.arange(100, dtype="int32")).to_pylist()
    if got != list(range(100)):
        raise AssertionError("got %r, expected 0 to 99" % (got,))
    array = pa.array([0.25, 0.5, 4.0]).to_numpy()
    got = (str(array.dtype), array.tolist())
    if got != ("float64", [0.25, 0.5, 4.0]):
        raise AssertionError("got %r, expected float64 0.25, 0.5, 4.0" % (got,))
