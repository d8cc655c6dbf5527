"""Parse a request and build an address, in compiled code where there is some."""


def run():
    import asyncio

    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request
    from multidict import CIMultiDict
    from yarl import URL

    async def answer():
        request = make_mocked_request("GET", "/a?b=1", headers=CIMultiDict({"Host": "here"}))
        return request.path, request.query["b"], web.Response(text="x").status

    got = asyncio.new_event_loop().run_until_complete(answer())
    if got != ("/a", "1", 200):
        raise AssertionError("got %r, expected ('/a', '1', 200)" % (got,))
    got = str(URL("http://here/a").with_query({"q": "ä"}))
    if got != "http://here/a?q=%C3%A4":
        raise AssertionError("address: got %r, expected 'http://here/a?q=%%C3%%A4'" % (got,))
