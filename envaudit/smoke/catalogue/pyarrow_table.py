"""Build a table, send it through an in-memory stream and read it again."""


def run():
    import pyarrow as pa

    expected = {"number": [1, None, 3], "text": ["a", "b", None], "real": [0.5, 1.5, 2.5]}
    names = ["number", "text", "real"]
    table = pa.Table.from_arrays([pa.array(expected[name]) for name in names], names=names)
    sink = pa.BufferOutputStream()
    writer = pa.RecordBatchStreamWriter(sink, table.schema)
    writer.write_table(table)
    writer.close()
    got = pa.ipc.open_stream(sink.getvalue()).read_all().to_pydict()
    got = {name: list(values) for name, values in got.items()}
    if got != expected:
        raise AssertionError("got %r, expected %r" % (got, expected))
