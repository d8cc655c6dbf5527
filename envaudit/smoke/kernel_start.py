"""Start the kernel in a folder through jupyter_client, as a Jupyter server would, and have it add two numbers.

Executed by ``child.py`` under the Python of the Jupyter server; imports nothing of envaudit.
"""
# mypy: ignore-errors

import os
import time

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

READY = 25  # seconds until the first answer
ANSWER = 10


def run():  # noqa: ANN201 - no annotations that Python 3.6 would have to evaluate
    """Raise whatever keeps the kernel from answering."""
    folder = os.environ["ENVAUDIT_KERNEL"]
    manager = KernelManager(kernel_name=os.path.basename(folder))
    manager._kernel_spec = KernelSpec.from_resource_dir(folder)  # noqa: SLF001 - the one found by name may be another
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=READY)
        asked = client.execute("1 + 1")
        until = time.time() + ANSWER
        reply = {}
        while reply.get("parent_header", {}).get("msg_id") != asked:
            reply = client.get_shell_msg(timeout=max(until - time.time(), 0.1))
        if reply["content"]["status"] != "ok":
            raise RuntimeError("the kernel could not compute 1 + 1: " + str(reply["content"].get("evalue", "")))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
