"""Edges and counts of a small histogram."""


def run():
    import boost_histogram as bh

    if not hasattr(bh, "Histogram"):  # before 0.6
        return
    histogram = bh.Histogram(bh.axis.Regular(5, 0.0, 1.0))
    histogram.fill([0.1, 0.3, 0.3, 0.5, 0.5, 0.5, 0.9])
    got = [float(value) for value in histogram.axes[0].edges]
    if len(got) != 6 or not all(abs(value - place / 5.0) < 1e-12 for place, value in enumerate(got)):
        raise AssertionError("edges: got %r, expected [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]" % (got,))
    got = [float(value) for value in histogram.view()]
    if got != [1.0, 2.0, 3.0, 0.0, 1.0]:
        raise AssertionError("counts: got %r, expected [1.0, 2.0, 3.0, 0.0, 1.0]" % (got,))
