"""Publish the verdict on a kernel that has just died, in its place, so that it appears below the cell that ended it.

Started by the supervisor under the kernel's own interpreter, with a JSON object on standard input: ``connection`` (the
kernel's connection file), ``parent`` (the header of the request that ran the cell) and ``display`` (what to show). The
server is still connected to the address on which the kernel published; whoever listens there gets it. Needs pyzmq,
which every kernel has. Ends with status 0 when somebody was listening. Runs on Python 3.6 and later.
"""

# mypy: ignore-errors

import datetime as dt
import hashlib
import hmac
import json
import os
import sys
import time
import uuid

_SECONDS = 2.0
_LINGER = 500  # milliseconds that what was sent has to leave


def message(kind, content, parent, key):  # noqa: ANN001, ANN201 - no annotations that Python 3.6 would evaluate
    """Return the parts of a signed message of the Jupyter protocol."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": parent.get("session", ""),
        "username": parent.get("username", ""),
        "date": dt.datetime.now(dt.timezone.utc).isoformat(),
        "version": "5.3",
    }
    parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
    signature = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        signature.update(part)
    signed = signature.hexdigest().encode() if key else b""
    return [kind.encode(), b"<IDS|MSG>", signed, *parts]


def main():  # noqa: ANN201
    """Send it once somebody listens; give up when nobody does."""
    told = json.loads(sys.stdin.read())
    with open(told["connection"], encoding="utf-8") as file:
        connection = json.load(file)
    if connection["transport"] != "tcp" or connection.get("signature_scheme", "hmac-sha256") != "hmac-sha256":
        os._exit(2)
    if sys.path[:1] == [os.path.dirname(os.path.abspath(__file__))]:
        del sys.path[0]  # nothing here may hide what pyzmq needs
    import zmq  # noqa: PLC0415

    context = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.linger = _LINGER
    if connection.get("curve_secretkey"):
        socket.curve_secretkey = connection["curve_secretkey"].encode()
        socket.curve_publickey = connection["curve_publickey"].encode()
        socket.curve_server = True
    socket.bind("tcp://%s:%d" % (connection["ip"], connection["iopub_port"]))  # noqa: UP031
    if not socket.poll(_SECONDS * 1000):
        os._exit(3)
    time.sleep(0.15)  # others who listen come back at about the same time
    content = {"data": told["display"], "metadata": {}, "transient": {}}
    socket.send_multipart(message("display_data", content, told["parent"], connection["key"].encode()))
    socket.close()
    context.term()


if __name__ == "__main__":
    main()
