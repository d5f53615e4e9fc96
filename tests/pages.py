"""Built pages read without a browser: what they load, where they link, which marks they hold."""

import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

LOADS = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("iframe", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("track", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("input", "src"),
    ("use", "href"),
    ("use", "xlink:href"),
    ("image", "href"),
    ("image", "xlink:href"),
}
PASSIVE_LINKS = {"next", "prev", "index", "search", "canonical", "author", "license", "help", "alternate"}
IN_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
# What a script writes to load something: import(…), fetch(…), importScripts(…), a src assigned, a worker.
IN_SCRIPT = re.compile(
    r"(?:import\s*\(|from\s|import\s|fetch\s*\(|importScripts\s*\(|"
    r"\.open\s*\([^,()]{1,12},|\.src\s*=|\.href\s*=|"
    r"new\s+(?:Worker|WebSocket|EventSource)\s*\()\s*[\"'`]((?:https?:|wss?:)?//[^\"'`]+)"
)


def elsewhere(address):
    """Whether an address leads to another host."""
    return bool(re.match(r"\s*(?:(?:https?|wss?|ftp):)?//", address))


class Page(HTMLParser):
    """One page: `loads` (what a browser fetches for it), `links`, `anchors`, `images` (source, alt text)."""

    def __init__(self, source):
        super().__init__()
        self.loads, self.links, self.anchors, self.images, self.inside = [], [], set(), [], None
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self.inside = tag if tag in ("style", "script") else None
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.loads += [
            part.split()[0]
            for name, value in given.items()
            if (tag, name) in LOADS
            for part in (value.split(",") if name == "srcset" else [value])
            if part.strip()
        ]
        self.loads += css_loads(given.get("style", ""))
        if tag == "link" and not set(given.get("rel", "").split()) <= PASSIVE_LINKS:
            self.loads.append(given.get("href", ""))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.links.append(given.get("content", "").partition("=")[2])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "img":
            self.images.append((given.get("src", ""), given.get("alt")))

    def handle_data(self, data):
        if self.inside == "style":
            self.loads += css_loads(data)
        elif self.inside == "script":
            self.loads += script_loads(data)

    def handle_endtag(self, tag):
        self.inside = None


def css_loads(source):
    return [one or other for one, other in IN_CSS.findall(source)]


def script_loads(source):
    return IN_SCRIPT.findall(source)


@cache
def read(path):
    return Page(path.read_text(encoding="utf-8"))


def pages_in(folder):
    """The pages; not the theme's templates, which Sphinx copies among its static files."""
    return [
        path for path in sorted(folder.rglob("*.html")) if "_static" not in path.relative_to(folder).parts
    ]


def asked_elsewhere(folder):
    """Everything that pages, style sheets and scripts under a folder would load from another host."""
    readers = {".html": lambda source: Page(source).loads, ".css": css_loads, ".js": script_loads}
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in readers:
            loads = readers[path.suffix](path.read_text(encoding="utf-8", errors="replace"))
            found += [f"{path.relative_to(folder)}: {address}" for address in loads if elsewhere(address)]
    return found


def broken_links(folder):
    """Links and loads inside a folder of pages that lead to no file, or to no mark in it."""
    broken = []
    for path in pages_in(folder):
        page = read(path)
        for address in dict.fromkeys([*page.links, *page.loads]):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or not address:
                continue
            target = (
                path
                if not parts.path
                else (folder / unquote(urljoin(path.relative_to(folder).as_posix(), parts.path))).resolve()
            )
            target = target / "index.html" if target.is_dir() else target
            mark = unquote(parts.fragment)
            if not target.is_file():
                broken.append(f"{path.relative_to(folder)}: {address} leads nowhere")
            elif mark and target.suffix == ".html" and mark not in read(target).anchors:
                broken.append(f"{path.relative_to(folder)}: {address} has no such mark")
    return broken
