"""Answer one request inside the process, with a value that is checked."""


def run():
    import asyncio
    import json

    from fastapi import FastAPI

    application = FastAPI()

    @application.get("/double/{number}")
    def double(number: int):
        return {"twice": 2 * number}

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    def ask(path):
        del sent[:]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode("ascii"), "query_string": b"", "root_path": "", "headers": [],
            "client": ("test", 1), "server": ("test", 80),
        }  # fmt: skip
        asyncio.new_event_loop().run_until_complete(application(scope, receive, send))
        return sent[0]["status"], json.loads(b"".join(each.get("body", b"") for each in sent[1:]).decode("utf-8"))

    got = ask("/double/21")
    if got != (200, {"twice": 42}):
        raise AssertionError("got %r, expected (200, {'twice': 42})" % (got,))
    got = ask("/double/no")[0]
    if got != 422:
        raise AssertionError("status of a bad number: got %r, expected 422" % (got,))
