"""Pack values, one of them known byte by byte, and unpack them."""


def run():
    import msgpack

    got = msgpack.packb({"a": [1, -1]})
    if got != b"\x81\xa1a\x92\x01\xff":
        raise AssertionError("got %r, expected b'\\x81\\xa1a\\x92\\x01\\xff'" % (got,))
    values = {"text": "ä", "many": list(range(1000)), "half": 0.5, "none": None}
    got = msgpack.unpackb(msgpack.packb(values, use_bin_type=True), raw=False)
    if got != values:
        raise AssertionError("got %r, expected %r" % (got, values))
