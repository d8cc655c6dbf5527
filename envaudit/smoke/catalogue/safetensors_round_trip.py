"""Write arrays in memory in the format of model files and read them again."""


def run():
    import numpy as np
    from safetensors.numpy import load, save

    got = load(save({"weight": np.arange(6, dtype="f4").reshape(2, 3)}))["weight"].tolist()
    if got != [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]:
        raise AssertionError("got %r, expected [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]" % (got,))
