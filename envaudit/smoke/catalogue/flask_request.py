"""Answer one request inside the process."""


def run():
    import flask

    app = flask.Flask("envaudit_smoke")

    @app.route("/<name>")
    def hello(name):
        return "hello " + name

    answer = app.test_client().get("/there")
    got = (answer.status_code, answer.data)
    if got != (200, b"hello there"):
        raise AssertionError("got %r, expected (200, b'hello there')" % (got,))
