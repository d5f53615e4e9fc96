"""Write the repository's address wherever it is stated: _config.yml, chapters, assignments, README.

python tools/stamp.py https://github.com/owner/name    set it
python tools/stamp.py                                  write _config.yml's address into the other places again
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = r"https://github\.com/[\w.-]+/[\w-]+(?:\.[\w-]+)*"
CONFIGURED = re.compile(rf"^(  url: )({ADDRESS})", flags=re.MULTILINE)
INSTALLED = re.compile(rf"(git\+|git clone [^\n]*?)({ADDRESS})(?=@main| course\b)")


def address(root=ROOT):
    """The repository's address as _config.yml states it."""
    found = CONFIGURED.search((root / "_config.yml").read_text(encoding="utf-8"))
    if not found:
        raise ValueError("_config.yml needs a line '  url: https://github.com/OWNER/REPO' under repository")
    return found.group(2)


def repository_links(old):
    """Where README names the repository: its address, and owner/name in badges and Colab's addresses."""
    name = old.removeprefix("https://github.com/")
    return re.compile(
        rf"(?<![\w/.-])(https://github\.com/|https://colab\.research\.google\.com/github/|"
        rf"https://img\.shields\.io/github/[\w/-]+?/)?{re.escape(name)}(?![\w-])"
    )


def stamp(new=None, *, root=ROOT):
    """Replace the old address everywhere. → files that changed. Raises ValueError for what is no address."""
    old = address(root)
    new = (new or old).removesuffix("/").removesuffix(".git")
    if not re.fullmatch(ADDRESS, new):
        raise ValueError(f"{new!r} must be like https://github.com/owner/name")
    owned = new.removeprefix("https://github.com/")
    edits = {root / "_config.yml": lambda text: CONFIGURED.sub(rf"\g<1>{new}", text)}
    folders = ("chapters/*.ipynb", "assignments/*/*.ipynb", "assignments/requirements.txt")
    for installs in sorted(path for pattern in folders for path in root.glob(pattern)):
        edits[installs] = lambda text: INSTALLED.sub(rf"\g<1>{new}", text)
    for page in ("README.md", "CONTRIBUTING.md"):
        edits[root / page] = lambda text: repository_links(old).sub(
            lambda link: (link.group(1) or "") + owned, text
        )
    changed = []
    for path, edit in edits.items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if (after := edit(before)) != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def main():
    try:
        changed = stamp(*sys.argv[1:2])
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(
        "\n".join(str(path.relative_to(ROOT)) for path in changed) or "every place already says " + address()
    )


if __name__ == "__main__":
    main()
