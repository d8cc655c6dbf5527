"""Open a channel to nowhere: the compiled core starts, and says that nobody is there."""


def run():
    import grpc

    channel = grpc.insecure_channel("127.0.0.1:1")
    try:
        channel.unary_unary("/a/b")(b"x", timeout=20)
    except grpc.RpcError as error:
        got = error.code()
    else:
        got = "an answer"
    finally:
        channel.close()
    if got != grpc.StatusCode.UNAVAILABLE:
        raise AssertionError("got %r, expected StatusCode.UNAVAILABLE" % (got,))
