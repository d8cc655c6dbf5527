"""What is known of this process."""


def run():
    import os

    import psutil

    process = psutil.Process()
    got = (process.pid, process.is_running(), process.memory_info().rss > 1000000, psutil.cpu_count() >= 1)
    if got != (os.getpid(), True, True, True):
        raise AssertionError("got %r, expected (%d, True, True, True)" % (got, os.getpid()))
