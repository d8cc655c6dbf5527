"""Do with a kernel what a list of steps on standard input says, as a Jupyter front-end would; run by its own Python.

A step is an object: ``run`` (a cell's code, with ``interrupt`` after so many seconds of running), ``restart`` (as the
user does; true: without asking), ``kill`` (the process Jupyter knows). Prints a list of what each step showed.
"""
# mypy: ignore-errors

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import Any

from jupyter_client.manager import KernelManager

WAIT = 60.0


class Client:
    """One kernel and its client."""

    def __init__(self, name: str) -> None:
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT)

    def pid(self) -> int:
        """Return the process that Jupyter knows."""
        return self.manager.provisioner.pid

    def run(self, code: str, interrupt: float) -> dict[str, Any]:
        """Run a cell until the kernel is idle or dead."""
        asked = self.client.execute(code)
        if interrupt:
            threading.Timer(interrupt, self.manager.interrupt_kernel).start()
        shown = []
        deadline = time.monotonic() + WAIT
        dead = False
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                if dead:
                    break
                dead = not self.manager.is_alive()  # then look once more
                continue
            content, kind = message["content"], message["msg_type"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind in {"display_data", "execute_result"}:
                shown.append([kind, content["data"].get("text/plain", ""), content["data"].get("text/html", "")])
            elif kind in {"error", "stream"}:
                shown.append([kind, content.get("text") or f"{content['ename']}: {content['evalue']}", ""])
            elif kind == "status" and content["execution_state"] == "idle":
                break
        return {"shown": shown, "alive": self.manager.is_alive()}

    def restart(self, *, now: bool) -> dict[str, Any]:
        """Start it again."""
        self.manager.restart_kernel(now=now)
        self.client.wait_for_ready(timeout=WAIT)
        return {}

    def step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Do one step."""
        if "run" in step:
            return self.run(step["run"], step.get("interrupt", 0))
        if "restart" in step:
            return self.restart(now=step["restart"])
        os.kill(self.pid(), 9)
        return {}


def main() -> None:
    """Do all steps, then shut the kernel down."""
    began = time.monotonic()
    client = Client(sys.argv[1])
    ready = time.monotonic() - began
    done = [client.step(step) for step in json.load(sys.stdin)]
    began = time.monotonic()
    client.client.stop_channels()
    if client.manager.is_alive():
        client.manager.shutdown_kernel()
    print(json.dumps({"steps": done, "ready": ready, "shutdown": time.monotonic() - began}))


if __name__ == "__main__":
    main()
