"""Whether the addresses that the texts lead to still answer: `python tools/links.py`, run weekly by GitHub.

    python tools/links.py           asks each address once a run; exit status 1 where one is dead
    python tools/links.py --list    only says which there are and where they stand

Collected from README, the book's pages and tables, the bibliography, the data cards and the chapters. One at a
time to each host with a pause in between, three tries, HEAD first and GET where a server does not like that. An address
that has moved for good is told with the new one and is no failure; a server that refuses machines (401, 403, 429)
is told as such: it is there.
"""

import argparse
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import stamp  # noqa: E402  (the path above makes `tools` importable from anywhere)

PLACES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "book/*.md", "book/*.yml", "book/*.bib", "data/*.md"]
PLACES += ["chapters/*.ipynb", "assignments/*.md", "assignments/*/*.md", "assignments/*/*.ipynb"]
ADDRESS = re.compile(r"https?://[^\s<>\"'`\\{}|^]+")
AGENT = "Mozilla/5.0 (compatible; course-links/1.0; a weekly look whether a reference is still there)"
REFUSES = {401, 403, 405, 406, 418, 429, 999}
MOVED = {301, 308}
TRIES, TIMEOUT_S, PAUSE_S, HOSTS = 3, 30, 1.0, 8


@dataclass(frozen=True)
class Answer:
    """What came of an address: "ok", "moved", "refuses" or "dead"; in words; the new address of one that moved."""

    kind: str
    said: str
    now: str = ""


def clean(address):
    """An address without the punctuation of the sentence around it; a bracket stays where it was opened inside.

    >>> clean("https://x.org/a_(b)).")
    'https://x.org/a_(b)'
    """
    while address and (address[-1] in ".,;:!?*_]" or (address[-1] == ")" and address.count(")") > address.count("("))):
        address = address[:-1]
    return address.partition("#")[0]


def ours(root=ROOT):
    """The repository's own address: it is not there before the course is published."""
    return stamp.address(root)


def addresses(root=ROOT):
    """{address: where it stands} of every external address."""
    found = defaultdict(list)
    for path in sorted({path for pattern in PLACES for path in root.glob(pattern)}):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for address in map(clean, ADDRESS.findall(line)):
                if not address.startswith(ours(root)) and "." in (urllib.parse.urlsplit(address).hostname or ""):
                    found[address].append(f"{path.relative_to(root).as_posix()}:{number}")
    return dict(found)


class _Told(urllib.request.HTTPRedirectHandler):
    """Follows redirections and remembers whether the first one is for good."""

    def __init__(self):
        self.first = None

    def redirect_request(self, request, *rest):
        self.first = self.first or rest[1]
        return super().redirect_request(request, *rest)


def ask(address, method, timeout_s):
    """One request. → (status, address it ended at, status of the first redirection)"""
    redirected = _Told()
    opener = urllib.request.build_opener(redirected)
    request = urllib.request.Request(address, method=method, headers={"User-Agent": AGENT})
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.url, redirected.first
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url, redirected.first


def judged(status, address, now, first):
    """What an answer means."""
    if status in REFUSES:
        return Answer("refuses", f"{status}: there, but not for machines")
    if status >= 400:
        return Answer("dead", f"{status}")
    is_other = urllib.parse.urlsplit(address)[1:4] != urllib.parse.urlsplit(now)[1:4]
    # A DOI leads elsewhere by design: it is the address to cite.
    if first in MOVED and is_other and "doi.org" not in address:
        return Answer("moved", f"{first}", now)
    return Answer("ok", f"{status}")


def look(address, *, tries=TRIES, timeout_s=TIMEOUT_S, pause_s=PAUSE_S):
    """Asks for an address, patiently. HEAD first; whatever that meets, GET has the last word."""
    answer = Answer("dead", "not asked")
    for number in range(tries):
        time.sleep(pause_s * 2**number if number else 0)
        for method in ("HEAD", "GET"):
            try:
                status, now, first = ask(address, method, timeout_s)
                answer = judged(status, address, now, first)
            except (OSError, ValueError) as error:
                answer = Answer("dead", str(getattr(error, "reason", error)) or type(error).__name__)
            if answer.kind in ("ok", "moved"):
                return answer
        if answer.said in ("404", "410") or answer.kind == "refuses":
            return answer
    return answer


def look_at_all(found, *, pause_s=PAUSE_S, **patience):
    """{address: Answer}; hosts side by side, addresses of one host one after the other with a pause."""
    hosts = defaultdict(list)
    for address in found:
        hosts[urllib.parse.urlsplit(address).netloc].append(address)

    def one_host(several):
        answers = {}
        for address in several:
            answers[address] = look(address, pause_s=pause_s, **patience)
            time.sleep(pause_s)
        return answers

    with ThreadPoolExecutor(HOSTS) as pool:
        parts = list(pool.map(one_host, hosts.values()))
    return {address: answer for part in parts for address, answer in part.items()}


def report(found, answers):
    """Lines for a person: the dead, the moved, those that refuse; then the counts."""
    lines = []
    for kind in ("dead", "moved", "refuses"):
        for address in sorted(address for address in found if answers[address].kind == kind):
            answer = answers[address]
            lines.append(f"{kind:8}{address}  ({answer.said}){' → ' + answer.now if answer.now else ''}")
            lines += [f"        {place}" for place in found[address]]
    counts = [sum(answer.kind == kind for answer in answers.values()) for kind in ("ok", "moved", "refuses", "dead")]
    return "\n".join([*lines, "{} answer, {} moved, {} refuse machines, {} dead".format(*counts)])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="ask nobody")
    options = parser.parse_args(arguments)
    found = addresses()
    if options.list:
        print("\n".join(f"{address}  {', '.join(places)}" for address, places in sorted(found.items())))
        return
    answers = look_at_all(found)
    print(report(found, answers))
    raise SystemExit(any(answer.kind == "dead" for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main())
