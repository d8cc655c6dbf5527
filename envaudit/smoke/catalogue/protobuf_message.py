"""Write a message that is known byte by byte, and read it again."""


def run():
    from google.protobuf import struct_pb2

    message = struct_pb2.Struct()
    message.fields["a"].number_value = 1.5
    got = message.SerializeToString()
    expected = b"\n\x0e\n\x01a\x12\t\x11\x00\x00\x00\x00\x00\x00\xf8?"
    if got != expected:
        raise AssertionError("got %r, expected %r" % (got, expected))
    again = struct_pb2.Struct()
    again.ParseFromString(got)
    got = again.fields["a"].number_value
    if got != 1.5:
        raise AssertionError("read again: got %r, expected 1.5" % (got,))
