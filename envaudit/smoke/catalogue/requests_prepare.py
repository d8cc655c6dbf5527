"""Prepare a request without sending it."""


def run():
    import requests

    request = requests.Request("GET", "https://example.org/a b", params={"q": "x y"})
    got = requests.Session().prepare_request(request).url
    if got not in ("https://example.org/a%20b?q=x+y", "https://example.org/a%20b?q=x%20y"):
        raise AssertionError("got %r, expected 'https://example.org/a%%20b?q=x+y'" % (got,))
