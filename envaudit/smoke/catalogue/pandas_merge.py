"""Join two tables, sort them and fill what is missing."""


def run():
    import pandas as pd

    left = pd.DataFrame({"key": [1, 2, 3], "left": ["x", "y", "z"]})
    right = pd.DataFrame({"key": [3, 1, 4], "right": [30.0, 10.0, 40.0]})
    merged = left.merge(right, on="key", how="inner").sort_values("key")
    got = [(int(row.key), str(row.left), float(row.right)) for row in merged.itertuples(index=False)]
    if got != [(1, "x", 10.0), (3, "z", 30.0)]:
        raise AssertionError("inner join: got %r, expected rows 1 and 3" % (got,))
    outer = left.merge(right, on="key", how="left").sort_values("key")
    got = [float(value) for value in outer["right"].fillna(0.0)]
    if got != [10.0, 0.0, 30.0]:
        raise AssertionError("left join: got %r, expected [10.0, 0.0, 30.0]" % (got,))
