"""Sums and means by group."""


def run():
    import pandas as pd

    frame = pd.DataFrame({"key": ["a", "b", "a", "b", "a"], "value": [1, 2, 3, 4, 5], "weight": [0.5, 1, 1.5, 2, 2.5]})
    got = {key: int(value) for key, value in frame.groupby("key")["value"].sum().items()}
    if got != {"a": 9, "b": 6}:
        raise AssertionError("got %r, expected {'a': 9, 'b': 6}" % (got,))
    got = {key: float(value) for key, value in frame.groupby("key")["weight"].mean().items()}
    if got != {"a": 1.5, "b": 1.5}:
        raise AssertionError("got %r, expected {'a': 1.5, 'b': 1.5}" % (got,))
