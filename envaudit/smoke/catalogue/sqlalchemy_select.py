"""Create, fill and ask a database in memory."""


def run():
    try:
        import sqlite3  # noqa: F401
    except ImportError:  # a Python without it
        return
    import sqlalchemy as sa

    engine = sa.create_engine("sqlite://")
    table = sa.Table("numbers", sa.MetaData(), sa.Column("value", sa.Integer))
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"value": 3}, {"value": 1}, {"value": 2}])
        got = [row[0] for row in connection.execute(table.select().order_by(table.c.value))]
    if got != [1, 2, 3]:
        raise AssertionError("got %r, expected [1, 2, 3]" % (got,))
