"""Send a request to a function instead of a server."""


def run():
    import httpx

    def answer(request):
        return httpx.Response(200, json={"path": request.url.path, "q": request.url.params["q"]})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        got = client.get("http://here/a", params={"q": "1 2"}).json()
    if got != {"path": "/a", "q": "1 2"}:
        raise AssertionError("got %r, expected {'path': '/a', 'q': '1 2'}" % (got,))
