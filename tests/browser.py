"""Chromium, driven by Selenium: pages opened, requests and console read, accessibility checked by axe."""

import base64
import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
HIGHEST = 12_000  # pixels of one picture: Chromium's surfaces end a little above
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def absent(reason):
    """Skip, or fail where a browser is required (GPC_REQUIRE_BROWSER=1, as in continuous integration)."""
    if os.environ.get("GPC_REQUIRE_BROWSER") == "1":
        pytest.fail(f"GPC_REQUIRE_BROWSER=1, and {reason}")
    pytest.skip(
        f"{reason}: install chromium and chromium-driver (Debian: apt install chromium chromium-driver)"
    )


def major(program):
    """The first number that a program's --version says, as text; empty where it says none."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60).stdout
    return (re.findall(r"\d+", said) or [""])[0]


def matching(driver):
    """The installed browser of the driver's own version, else any, else None."""
    installed = [path for path in map(shutil.which, BROWSERS) if path]
    same = [path for path in installed if driver and major(path) == major(driver)]
    return next(iter([*same, *installed]), None)


def elsewhere(addresses):
    """Those of some addresses that lead to another host."""
    parts = {url: urlsplit(url) for url in addresses}
    here = ("data", "blob", "file", "about")
    return [url for url in addresses if parts[url].scheme not in here and parts[url].hostname != "127.0.0.1"]


class Browser:
    """One headless Chromium; `missing` is told why where there is none."""

    def __init__(self, missing=absent):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        driver = shutil.which("chromedriver")
        binary = matching(driver)
        if not binary or not driver:
            missing(f"no {'Chromium' if not binary else 'chromedriver'} found")
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_script_timeout(60)
        self.width = 1440

    def close(self):
        self.driver.quit()

    def size(self, width, height=900, *, scale=1):
        self.width = width
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, address, *, mode="light"):
        """Load a page in light or dark mode, wait for its fonts, scroll through it."""
        store = f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}')"
        script = f"try {{ {store} }} catch (refused) {{}}"
        before = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self.driver.get_log("browser"), self.driver.get_log("performance")  # what earlier pages left
        self.driver.get(address)
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", before)
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "document.fonts.ready.then(async () => { const end = document.body.scrollHeight;"
            "for (let y = 0; y < end; y += 800) { scrollTo(0, y);"
            " await new Promise(requestAnimationFrame) } scrollTo(0, 0); setTimeout(done, 100) })"
        )

    def console(self):
        """Errors that the page wrote or caused since it was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def requests(self):
        """Addresses that the page asked for since it was opened, whether or not it got an answer."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return sent + [e["params"]["url"] for e in events if e["method"] == "Network.webSocketCreated"]

    def other_hosts(self):
        """Requests to any host but this machine's."""
        return elsewhere(self.requests())

    def axe(self):
        """Accessibility violations: `rule: element` with what axe says of it."""
        self.driver.execute_script(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations))"
        )
        return [
            f"{v['id']}: {node['html'][:160]} ({node.get('failureSummary', '')[:200]})"
            for v in found
            for node in v["nodes"]
        ]

    def overflow(self):
        """By how many pixels the page is wider than the window, and what sticks out."""
        return self.driver.execute_script(
            "const w = document.documentElement.clientWidth, over = document.documentElement.scrollWidth - w;"
            "if (over <= 0) return null;"
            "const wide = e => e.getBoundingClientRect().right > w + 1;"
            "const out = [...document.querySelectorAll('main *')].filter(wide);"
            "return over + ' px: ' + out.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(' | ')"
        )

    def screenshots(self, path, *, scale=1):
        """The whole page as PNG files, in a window as high as the page: nothing is left scrolled away.

        A page longer than HIGHEST goes on in files of its own: page.png, page-2.png, …
        """
        height, files = self._height(), []
        path.parent.mkdir(parents=True, exist_ok=True)
        for top in range(0, height, HIGHEST):
            self.size(self.width, min(height - top, HIGHEST), scale=scale)
            self.driver.execute_script("scrollTo({top: arguments[0], behavior: 'instant'})", top)
            self.driver.execute_async_script(
                "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
            )
            taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})
            files.append(path.with_stem(f"{path.stem}-{len(files) + 1}") if files else path)
            files[-1].write_bytes(base64.b64decode(taken["data"]))
        self.size(self.width)
        return files

    def _height(self):
        return self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["height"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that keeps its log to itself."""

    def log_message(self, *arguments):
        pass


class Server:
    """A folder at a local address."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def served(folder, **pages):
    """The address of a folder with these pages (name → HTML) in it, while the block runs."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    (folder / "favicon.ico").touch()  # or a browser complains that there is none
    with contextlib.closing(Server(folder)) as server:
        yield server.address
