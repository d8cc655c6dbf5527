"""Compress and expand bytes."""


def run():
    import zstandard

    data = b"envaudit " * 1000
    packed = zstandard.ZstdCompressor().compress(data)
    got = zstandard.ZstdDecompressor().decompress(packed)
    if got != data or not len(packed) < 500:
        raise AssertionError("got %d bytes from %d, expected 9000 from under 500" % (len(got), len(packed)))
