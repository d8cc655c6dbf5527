"""Write arrays into files in memory and read them again."""


def run():
    import io

    import numpy as np

    numbers = np.arange(100, dtype="<f8").reshape(10, 10)
    texts = np.array(["a", "bc"])
    file = io.BytesIO()
    np.savez_compressed(file, numbers=numbers, texts=texts)
    file.seek(0)
    with np.load(file) as read:
        got = (float(read["numbers"].sum()), read["numbers"].shape, [str(text) for text in read["texts"]])
    if got != (4950.0, (10, 10), ["a", "bc"]):
        raise AssertionError("got %r, expected (4950.0, (10, 10), ['a', 'bc'])" % (got,))
    got = np.frombuffer(np.array([1, 256], dtype=">u2").tobytes(), dtype="u1").tolist()
    if got != [0, 1, 1, 0]:
        raise AssertionError("bytes: got %r, expected [0, 1, 1, 0]" % (got,))
