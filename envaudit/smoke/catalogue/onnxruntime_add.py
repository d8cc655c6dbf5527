"""Run a model of one addition, written out byte by byte."""


def run():
    import numpy as np
    import onnxruntime

    def field(number, content):  # a length-delimited field of protobuf
        return bytes([number << 3 | 2, len(content)]) + content

    shape = field(2, field(1, b"\x08\x02"))  # one dimension of 2
    kind = field(1, b"\x08\x01" + shape)  # elements are floats

    def value(name):
        return field(1, name) + field(2, kind)

    node = field(1, b"a") + field(1, b"b") + field(2, b"c") + field(4, b"Add")
    graph = field(1, node) + field(2, b"g") + field(11, value(b"a")) + field(11, value(b"b")) + field(12, value(b"c"))
    model = b"\x08\x07" + field(7, graph) + field(8, b"\x10\x0d")  # IR version 7, operators of set 13
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {"a": np.array([1.0, 2.0], dtype="f4"), "b": np.array([10.0, 20.0], dtype="f4")}
    got = session.run(None, inputs)[0].tolist()
    if got != [11.0, 22.0]:
        raise AssertionError("got %r, expected [11.0, 22.0]" % (got,))
