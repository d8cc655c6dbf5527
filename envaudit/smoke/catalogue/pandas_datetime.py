"""Dates from repeated texts, differences, months and time zones."""


def run():
    import pandas as pd

    texts = ["2020-02-28", "2020-02-29", "2021-12-31"] * 1000
    dates = pd.to_datetime(pd.Series(texts))
    got = int((dates + pd.Timedelta("1 day")).dt.day.sum())
    expected = 1000 * (29 + 1 + 1)
    if got != expected:
        raise AssertionError("days after: got %r, expected %r" % (got, expected))
    got = [int(value) for value in dates.dt.month.unique()]
    if got != [2, 12]:
        raise AssertionError("months: got %r, expected [2, 12]" % (got,))
    moment = pd.Timestamp("2020-07-01 12:00", tz="UTC")
    got = (moment - pd.Timestamp("2020-06-30 12:00", tz="UTC")).total_seconds()
    if got != 86400.0:
        raise AssertionError("difference: got %r, expected 86400.0" % (got,))
    got = int(pd.Series(1, index=pd.date_range("2021-01-01", periods=48, freq="D")).resample("7D").sum().iloc[0])
    if got != 7:
        raise AssertionError("resampled: got %r, expected 7" % (got,))
