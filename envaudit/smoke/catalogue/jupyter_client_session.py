"""Sign a message as a notebook does for its kernel, and take it apart again."""


def run():
    from jupyter_client.session import Session

    session = Session(key=b"secret")
    message = session.msg("execute_request", {"code": "1 + 1"})
    identities, parts = session.feed_identities(session.serialize(message))
    got = session.deserialize(parts)["content"]
    if got != {"code": "1 + 1"}:
        raise AssertionError("got %r, expected {'code': '1 + 1'}" % (got,))
