"""Sum an array of several blocks without other processes."""


def run():
    import dask.array as da

    got = int(da.arange(1000, chunks=100).sum().compute(scheduler="synchronous"))
    if got != 499500:
        raise AssertionError("got %r, expected 499500" % (got,))
    got = (da.ones((20, 20), chunks=7) + 1).mean().compute(scheduler="threads", num_workers=2)
    if got != 2.0:
        raise AssertionError("mean: got %r, expected 2.0" % (got,))
