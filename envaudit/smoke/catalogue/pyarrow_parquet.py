"""Write a Parquet file in memory and read it again."""


def run():
    import pyarrow as pa

    try:
        from pyarrow import parquet
    except ImportError as error:
        if "libparquet" in str(error) or "_parquet" not in str(error):
            raise
        return  # a build without Parquet
    expected = {"number": list(range(100)), "text": [str(number % 7) for number in range(100)]}
    table = pa.Table.from_arrays([pa.array(expected["number"]), pa.array(expected["text"])], names=["number", "text"])
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    read = parquet.read_table(pa.BufferReader(sink.getvalue())).to_pydict()
    got = {name: list(values) for name, values in read.items()}
    if got != expected:
        raise AssertionError("got %r, expected %r" % (got, expected))
