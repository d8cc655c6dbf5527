"""Convert the same dates from text several times, with differences in between."""


def run():
    import pandas as pd

    series = pd.Series(["2020-01-01", "2020-01-02", "2020-01-03"] * 1000)
    for _ in range(5):
        dates = pd.to_datetime(series)
        day = pd.Timedelta("1 day")
    got = str((dates + day).max().date())
    if got != "2020-01-04":
        raise AssertionError("got %r, expected '2020-01-04'" % (got,))
