"""Probabilities and a correlation that are known."""


def run():
    from scipy import stats

    known = [
        ("normal distribution", stats.norm.cdf(0.0), 0.5),
        ("binomial distribution", stats.binom.pmf(2, 4, 0.5), 0.375),
        ("correlation", stats.pearsonr([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])[0], 1.0),
        ("slope", stats.linregress([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])[0], 2.0),
    ]
    for what, got, expected in known:
        if not abs(float(got) - expected) < 1e-9:
            raise AssertionError("%s: got %r, expected %r" % (what, float(got), expected))
