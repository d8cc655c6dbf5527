"""Answer one request through a socket of this machine."""


def run():
    import asyncio
    import socket

    from tornado.httpserver import HTTPServer
    from tornado.web import Application, RequestHandler

    class Answer(RequestHandler):
        def get(self):
            self.write("there")

    async def ask():
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.setblocking(False)
        server = HTTPServer(Application([("/", Answer)]))
        server.add_sockets([listener])
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        server.stop()
        return answer

    got = asyncio.new_event_loop().run_until_complete(ask())
    if not (got.startswith(b"HTTP/1") and got.endswith(b"there")):
        raise AssertionError("got %r, expected an answer that ends with 'there'" % (got,))
