"""Ask a database in memory."""


def run():
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        connection.execute("create table t as select i, i % 3 as g from range(100) as r(i)")
        got = connection.execute("select g, sum(i), count(*) from t group by g order by g").fetchall()
    finally:
        connection.close()
    got = [tuple(int(value) for value in row) for row in got]
    if got != [(0, 1683, 34), (1, 1617, 33), (2, 1650, 33)]:
        raise AssertionError("got %r, expected [(0, 1683, 34), (1, 1617, 33), (2, 1650, 33)]" % (got,))
