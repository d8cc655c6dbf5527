"""Write a picture as PNG into memory and read it again."""


def run():
    import imageio
    import numpy as np

    picture = np.arange(48, dtype="u1").reshape(4, 4, 3)
    got = np.asarray(imageio.imread(imageio.imwrite("<bytes>", picture, format="png"), format="png"))
    if got.tolist() != picture.tolist():
        raise AssertionError("got %r, expected %r" % (got.tolist(), picture.tolist()))
