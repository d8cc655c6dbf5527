"""Open a notebook in JupyterLab and Chromium, run cells, and print what they show; run by the Python of JupyterLab.

``lab_browser.py CHROMIUM NOTEBOOK FOLDER``: its second cell is to end the kernel. Prints a JSON object with the texts
of the cells after that (``died``), of the dialog (``dialog``) and of the cells after the third has run (``after``). The
browser is told what to do through the protocol of its developer tools; screenshots go to FOLDER.
"""
# mypy: ignore-errors

from __future__ import annotations

import base64
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import websocket

WAIT = 120.0
MEMORY = 4 * 1024**3  # for each process
CELLS = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].map(e => e.innerText)"
CHOSEN = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(e => e.matches('.jp-mod-active'))"


def start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own; what it says goes to a file."""
    with log.open("wb") as file:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)


def stop(program: subprocess.Popen[bytes]) -> None:
    """End a program and its group."""
    program.terminate()
    with suppress(subprocess.TimeoutExpired):
        program.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait(20)


def wait_for(what: Any, why: str) -> Any:
    """Return what a function returns once that is something."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            found = what()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(why)


class Page:
    """One tab of the browser."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(address, timeout=WAIT, suppress_origin=True)
        self.number = 0

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                return answer.get("result", {})

    def value(self, script: str) -> Any:
        """Return what a piece of JavaScript evaluates to."""
        return self.do("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def click(self, place: str) -> bool:
        """Click into the middle of an element, if it is there."""
        spot = self.value(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({place}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased") if spot is not None else ():
            self.do("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)
        return spot is not None

    def run_cell(self) -> None:
        """Press the button that runs the cell that is chosen and chooses the next; again, while nothing listens yet."""
        button = "document.querySelector('[data-command=\"notebook:run-cell-and-select-next\"]')"
        before = self.value(CHOSEN)

        def pressed() -> bool:
            if not self.click(button):
                return False
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline and self.value(CHOSEN) == before:
                time.sleep(0.1)
            return self.value(CHOSEN) != before

        wait_for(pressed, "no cell can be run")

    def picture(self, path: Path) -> None:
        """Keep a screenshot."""
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot")["data"]))


def address_of(chromium: Path) -> str:
    """Return where the developer tools of the one tab are, which the browser writes to its profile and then serves."""
    port = wait_for(lambda: (chromium / "DevToolsActivePort").read_text().split()[:1], "Chromium does not start")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=WAIT) as file:
        pages = [each for each in json.load(file) if each["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"] if pages else ""


def run_to_end(page: Page, index: int) -> list[str]:
    """Run a cell and return the texts of all once it has a number; what is asked while a kernel starts can be lost."""

    def ran() -> list[str] | None:
        page.click(f"document.querySelectorAll('.jp-Notebook .jp-Cell .jp-InputPrompt')[{index}]")
        page.run_cell()
        deadline = time.monotonic() + WAIT / 3
        while time.monotonic() < deadline:
            shown = page.value(CELLS)
            if re.search(r"\[\d+\]:", shown[index]):
                return shown
            time.sleep(0.2)
        return None

    return wait_for(ran, f"cell {index} does not end")


def look(page: Page, folder: Path) -> dict[str, Any]:
    """Run the three cells."""
    idle = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]') != null"
    wait_for(lambda: page.value(idle), "the kernel does not get ready")
    run_to_end(page, 0)
    page.run_cell()
    died = wait_for(lambda: page.value(CELLS) if "Why this" in page.value(CELLS)[1] else None, "no verdict")
    page.picture(folder / "died.png")
    dialog = wait_for(lambda: page.value("document.querySelector('.jp-Dialog')?.innerText"), "no dialog")
    page.picture(folder / "dialog.png")
    page.value("document.querySelector('.jp-Dialog .jp-mod-accept').click()")
    wait_for(lambda: page.value("document.querySelector('.jp-Dialog') == null"), "the dialog stays")
    after = run_to_end(page, 2)
    page.picture(folder / "after.png")
    return {"died": died, "dialog": dialog, "after": after}


def main() -> None:
    """Start server and browser, look, and end both."""
    chromium, notebook, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    lab = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    options = ["--IdentityProvider.token=t", f"--ServerApp.root_dir={notebook.parent}", "--LabApp.news_url="]
    started = []
    try:
        os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
        started.append(start([*lab, *options], folder / "lab.log"))
        told = wait_for(lambda: list((folder / "runtime").glob("jpserver-*.json")), "JupyterLab does not start")[0]
        url = f"{json.loads(told.read_text())['url']}lab/tree/{notebook.name}?token=t"
        words = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
        profile = folder / "profile"
        more = [f"--user-data-dir={profile}", "--window-size=1300,1000", "--no-first-run", url]
        started.append(start([chromium, *words, *more], folder / "chromium.log"))
        page = Page(wait_for(lambda: address_of(profile), "Chromium shows no page"))
        try:
            print(json.dumps(look(page, folder)))
        finally:
            page.picture(folder / "last.png")
    finally:
        for program in reversed(started):
            stop(program)


if __name__ == "__main__":
    main()
