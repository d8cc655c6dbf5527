"""Share memory between a tensor and a NumPy array."""


def run():
    import numpy as np
    import torch

    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = torch.from_numpy(array)
    got = tensor.sum().item()
    if got != 15.0:
        raise AssertionError("got %r, expected 15.0" % (got,))
    tensor += 1
    got = array.tolist()
    if got != [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]:
        raise AssertionError("shared: got %r, expected 1 to 6" % (got,))
    got = torch.ones(3).numpy().tolist()
    if got != [1.0, 1.0, 1.0]:
        raise AssertionError("back: got %r, expected ones" % (got,))
