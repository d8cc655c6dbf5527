"""Products of matrices with known entries, in four number types."""


def run():
    import numpy as np

    for kind in ("int64", "float32", "float64", "complex128"):
        ones = np.ones((65, 65), dtype=kind)
        counting = np.arange(65).astype(kind)
        # Every entry of ones @ diag(0..64) @ ones is 0 + 1 + ... + 64.
        product = ones.dot(np.diag(counting)).dot(ones)
        low, high = complex(product.real.min()), complex(product.real.max())
        if low != 2080 or high != 2080:
            raise AssertionError("%s product: got %r to %r, expected 2080" % (kind, low.real, high.real))
    got = (np.arange(6).reshape(2, 3) @ np.arange(6).reshape(3, 2)).tolist()
    if got != [[10, 13], [28, 40]]:
        raise AssertionError("got %r, expected [[10, 13], [28, 40]]" % (got,))
