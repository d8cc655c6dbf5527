"""Filter, sort and add up a small table."""


def run():
    import polars as pl

    frame = pl.DataFrame({"key": ["a", "b", "a", "c"], "value": [4, 3, 2, 1]})
    got = frame.filter(pl.col("value") > 1)["value"].to_list()
    if got != [4, 3, 2]:
        raise AssertionError("filtered: got %r, expected [4, 3, 2]" % (got,))
    got = frame.sort("value")["key"].to_list()
    if got != ["c", "a", "b", "a"]:
        raise AssertionError("sorted: got %r, expected ['c', 'a', 'b', 'a']" % (got,))
    got = int(frame["value"].sum())
    if got != 10:
        raise AssertionError("sum: got %r, expected 10" % (got,))
