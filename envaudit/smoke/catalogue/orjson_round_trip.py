"""Write JSON byte by byte and read it again."""


def run():
    import orjson

    got = orjson.dumps({"b": [1, 2.5, None], "a": "ä"}, option=orjson.OPT_SORT_KEYS)
    expected = '{"a":"ä","b":[1,2.5,null]}'.encode("utf-8")
    if got != expected:
        raise AssertionError("got %r, expected %r" % (got, expected))
    got = orjson.loads(b'[18446744073709551615, 1e-3, "\\u00e4"]')
    if got != [18446744073709551615, 0.001, "ä"]:
        raise AssertionError("got %r, expected [18446744073709551615, 0.001, 'ä']" % (got,))
