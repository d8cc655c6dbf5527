"""Fourier and cosine transforms with known coefficients."""


def run():
    import numpy as np

    try:
        from scipy import fft
    except ImportError:  # SciPy before 1.4
        from scipy import fftpack as fft
    if not callable(getattr(fft, "dct", None)):
        return
    impulse = np.zeros(16)
    impulse[0] = 1.0
    got = fft.fft(impulse)
    if not float(abs(got - 1.0).max()) < 1e-12:
        raise AssertionError("impulse: got %r, expected ones" % (got.tolist(),))
    got = fft.fft(np.cos(2 * np.pi * 5 * np.arange(64) / 64))
    if not abs(got[5] - 32.0) < 1e-9 or not abs(got[4]) < 1e-9:
        raise AssertionError("cosine: got %r, expected 32" % (complex(got[5]),))
    got = fft.dct(np.ones(8), type=2).tolist()
    if not (abs(got[0] - 16.0) < 1e-12 and max(abs(value) for value in got[1:]) < 1e-12):
        raise AssertionError("cosine transform: got %r, expected 16 and zeros" % (got,))
