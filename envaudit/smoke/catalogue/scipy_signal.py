"""Convolutions and a filter that lets a constant pass."""


def run():
    import numpy as np
    from scipy import signal

    got = [float(value) for value in signal.fftconvolve([1.0, 2.0, 3.0], [0.0, 1.0, 0.5])]
    for one, other in zip(got, [0.0, 1.0, 2.5, 4.0, 1.5]):
        if not abs(one - other) < 1e-12:
            raise AssertionError("convolution: got %r, expected [0.0, 1.0, 2.5, 4.0, 1.5]" % (got,))
    b, a = signal.butter(2, 0.25)
    got = float(sum(b) / sum(a))
    if not abs(got - 1.0) < 1e-12:
        raise AssertionError("gain of a constant: got %r, expected 1.0" % (got,))
    got = float(signal.lfilter(b, a, np.ones(200))[-1])
    if not abs(got - 1.0) < 1e-9:
        raise AssertionError("filtered: got %r, expected 1.0" % (got,))
