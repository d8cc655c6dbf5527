"""Two green threads that take turns."""


def run():
    import gevent
    from gevent.queue import Queue

    queue, said = Queue(), []

    def speak():
        for number in range(3):
            queue.put(number)
            gevent.sleep(0)
        queue.put(None)

    def listen():
        for number in iter(queue.get, None):
            said.append(number)

    gevent.joinall([gevent.spawn(listen), gevent.spawn(speak)], timeout=20)
    if said != [0, 1, 2]:
        raise AssertionError("got %r, expected [0, 1, 2]" % (said,))
