"""Compress and expand bytes."""


def run():
    import lz4.frame

    data = b"envaudit " * 1000
    packed = lz4.frame.compress(data)
    got = lz4.frame.decompress(packed)
    if got != data or not len(packed) < 500:
        raise AssertionError("got %d bytes from %d, expected 9000 from under 500" % (len(got), len(packed)))
