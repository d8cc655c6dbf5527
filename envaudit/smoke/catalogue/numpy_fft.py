"""Fourier transform of a cosine, and back."""


def run():
    import numpy as np

    wave = np.cos(2 * np.pi * 3 * np.arange(32) / 32)
    spectrum = np.abs(np.fft.rfft(wave))
    for place, height in enumerate(spectrum.tolist()):
        expected = 16.0 if place == 3 else 0.0
        if not abs(height - expected) < 1e-9:
            raise AssertionError("frequency %d: got %r, expected %r" % (place, height, expected))
    worst = float(np.abs(np.fft.ifft(np.fft.fft(wave)) - wave).max())
    if not worst < 1e-12:
        raise AssertionError("there and back: got a difference of %r, expected 0" % (worst,))
