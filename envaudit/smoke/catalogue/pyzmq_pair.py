"""Send a message between two sockets of one process."""


def run():
    import zmq

    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    try:
        left.bind("inproc://envaudit")
        right.connect("inproc://envaudit")
        left.send(b"there")
        if not right.poll(10000):
            raise AssertionError("got no message, expected b'there'")
        got = right.recv()
    finally:
        left.close(0)
        right.close(0)
        context.term()
    if got != b"there":
        raise AssertionError("got %r, expected b'there'" % (got,))
