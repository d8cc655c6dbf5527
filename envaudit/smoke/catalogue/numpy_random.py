"""The Mersenne Twister's published 10,000th number, and properties of the newer generators."""


def run():
    import numpy as np

    # The C++ standard fixes it for the seed 5489: [rand.predef].
    got = int(np.random.RandomState(5489).randint(0, 2**32, size=10000, dtype=np.uint32)[-1])
    if got != 4123659995:
        raise AssertionError("got %r, expected 4123659995" % (got,))
    if not hasattr(np.random, "default_rng"):  # NumPy before 1.17
        return
    numbers = np.random.default_rng(7).random(20000)
    again = np.random.default_rng(7).random(20000)
    if not (numbers == again).all():
        raise AssertionError("got two different sequences, expected the same from one seed")
    if not (0 <= numbers.min() and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.02):
        raise AssertionError("got mean %r, expected 0.5 for numbers from 0 to 1" % (float(numbers.mean()),))
    got = sorted(np.random.default_rng(7).permutation(100).tolist())
    if got != list(range(100)):
        raise AssertionError("got %r, expected a permutation of 0 to 99" % (got,))
