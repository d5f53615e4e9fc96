"""Figures with several controls: all states computed beforehand, drawn by a short script."""

import itertools
import json
import re
import string
from dataclasses import dataclass

from gpc.show import motion
from gpc.show.numbers import number
from gpc.show.page import Output, card, escape, inline, key, squeeze, unmarked
from gpc.show.slots import fold, looked_up, slot
from gpc.show.words import fill

MOST_CONTROLS = 4
MOST_BYTES = 120_000

# Both classes are named, so that a figure of `moving` further down the page does not have the last word.
_STYLE = squeeze("""
.gpc-moving.gpc-states .stage{display:flex;flex-wrap:wrap;justify-content:space-evenly;gap:.5rem 1.25rem;
padding:.5rem;overflow:visible}
.gpc-moving.gpc-states .stage>div{flex:1 1 16.5rem;max-width:25rem}
.gpc-moving.gpc-states .stage svg{min-width:0}
.gpc-moving.gpc-states .hands{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));
gap:.35rem 1.5rem}
.gpc-moving.gpc-states .hand{flex-wrap:nowrap}
.gpc-moving.gpc-states .hand label{display:contents}
.gpc-moving.gpc-states :is(input,select){min-width:4rem}
.gpc-moving.gpc-states .hand b{flex:0 0 auto;min-width:7rem}
.gpc-moving.gpc-states .hand output{min-width:3ch;text-align:right}
.gpc-moving.gpc-states select{font:inherit;flex:1 1 10rem;min-height:28px;color:var(--ink);
background:var(--paper);border:1px solid var(--soft);border-radius:4px;padding:.1rem .3rem}
.gpc-moving.gpc-states details{border:0;margin:.25rem 0;padding:0;background:none}
.gpc-moving.gpc-states summary{font-weight:inherit;padding:0}
.gpc-moving.gpc-states ul{margin:.25rem 0;padding-left:1.25rem}
@media print{.gpc-moving.gpc-states .hands{display:none!important}}
@media (prefers-reduced-motion:no-preference){
.gpc-moving.gpc-states svg :is(rect,circle){transition:all .2s}}
""")
# A slot is [the controls that it depends on, its values], the last control fastest; marks and the sentence
# name it by its number. Words of the sentence stand at even places, slots at odd ones.
_SCRIPT = squeeze("""
document.querySelectorAll('[data-gpc-states="KEY"]').forEach(box=>{
if(box.dataset.ready)return;
box.dataset.ready='1';
const all=JSON.parse(box.querySelector('[data-all]').textContent);
const hands=[...box.querySelectorAll('[data-control]')],marks=[...box.querySelectorAll('[data-v]')];
const now=box.querySelector('[data-now]');
const at=slot=>{
const[on,values]=all.slots[slot];
return values[on.reduce((n,c)=>n*all.labels[c].length+ +hands[c].value,0)]};
const show=()=>{
marks.forEach(mark=>Object.entries(all.marks[mark.dataset.v]).forEach(([name,slot])=>{
if(name)mark.setAttribute(name,at(slot));else mark.textContent=at(slot)}));
hands.forEach((hand,c)=>{
const output=hand.closest('.hand').querySelector('output'),label=all.labels[c][hand.value];
if(output){output.textContent=label;hand.setAttribute('aria-valuetext',label)}});
now.innerHTML=all.said.map((piece,i)=>i%2?at(piece):piece).join('')};
hands.forEach(hand=>hand.addEventListener('input',show));
box.querySelector('[data-hands]').hidden=false});
""")


@dataclass(frozen=True)
class Control:
    """One control: its name, its values with their labels, and whether it is a slider or a list of names."""

    name: str
    values: tuple
    labels: tuple
    slider: bool


def explorer(state, *, title, description, controls, caption, start=None):
    """A figure with up to four controls, all of its states computed beforehand: HTML that asks nobody.

    Args:
        state: called with one value of each control, in their order; returns (pictures, numbers). The
            pictures, one or a list, are SVG texts (those of `gpc.show.panels` best) with the same elements in
            every state; what differs is kept as numbers. The numbers fill the caption.
        title: the conclusion.
        description: what the pictures show, for those who don't see them.
        controls: {name: values}; numbers make a slider, anything else, or {label: value}, a list to choose
            from.
        caption: a sentence as `gpc.show.say` has it, with its placeholders; read out in each state.
        start: {name: value} where it begins; else a slider in its middle, a list at its first entry. That
            state stands alone where scripts don't run, and all that differ from it by one control in words
            below.

    The same arguments give the same bytes. Returns an Output: the cell's last value, or `.show()`.
    Raises ValueError for controls, a start or words that cannot be, for states that draw different elements,
    for a caption and numbers that don't fit each other, and for a figure of more than 120,000 bytes.

    >>> square = '<svg viewBox="0 0 9 9"><rect width="{0}" height="{0}"/></svg>'
    >>> figure = explorer(lambda side, times: (square.format(side), {"area": times * side**2}),
    ...                   title="Areas grow with the square", description="A square.",
    ...                   controls={"side": [2, 4, 8], "how many": {"one": 1, "two": 2}},
    ...                   caption="Together {area} cells.")
    >>> print(figure)
    Areas grow with the square
    A square.
    side: 2, 4, 8. how many: one, two.
    side 4, how many one [shown first]: Together 16 cells.
    side 2: Together 4 cells.
    side 8: Together 64 cells.
    how many two: Together 32 cells.
    """
    hands = [_control(name, values) for name, values in controls.items()]
    _checked(hands, {"title": title, "description": description, "caption": caption})
    first, sizes = _first(hands, start or {}), [len(hand.values) for hand in hands]
    places = list(itertools.product(*map(range, sizes)))
    drawn = [_drawn(state, hands, at) for at in places]
    texts = [fill(caption, numbers) for _, numbers in drawn]
    said = _said(caption, [numbers for _, numbers in drawn], sizes)
    name = key("states", title, description, *texts, *(label for hand in hands for label in hand.labels))
    pictures, marks = _folded(drawn, sizes, places.index(first), [_named(hands, at) for at in places], name)
    main = _main(hands, first)
    sentences = [(words, _sentence(said, at, sizes)) for words, at in main]
    data = _data([hand.labels for hand in hands], marks, said)
    html = _html(key(name, data, *pictures), (title, description), hands, first, pictures, sentences, data)
    if len(html.encode()) > MOST_BYTES:
        raise ValueError(
            f"a figure of {len(html.encode()):,} bytes in {len(places):,} states is too large for a page; "
            f"{MOST_BYTES:,} are the most: fewer values, or fewer marks that depend on every control"
        )
    lines = [f"{words}: {unmarked(texts[places.index(at)])}" for words, at in main]
    choices = " ".join(f"{hand.name}: {', '.join(hand.labels)}." for hand in hands)
    return Output("\n".join([unmarked(title), unmarked(description), choices, *lines]), html=html)


def _control(name, values):
    named = isinstance(values, dict)
    labels = tuple(str(label) if named else number(label) for label in values)
    values = tuple(values.values() if named else values)
    slider = not named and all(isinstance(value, (int, float)) for value in values)
    return Control(str(name), values, labels, slider)


def _checked(hands, words):
    if not 1 <= len(hands) <= MOST_CONTROLS:
        raise ValueError(f"a figure has one to {MOST_CONTROLS} controls; got {len(hands)}")
    for hand in hands:
        if len(hand.values) < 2 or len(set(hand.labels)) < len(hand.labels):
            raise ValueError(
                f"the control {hand.name!r} needs two or more values whose labels differ; got {hand.labels}"
            )
        words = words | {f"name of control {hands.index(hand)}": hand.name}
    empty = [name for name, text in words.items() if not str(text).strip()]
    if empty:
        raise ValueError(
            f"empty: {', '.join(empty)}; readers who don't see the picture have only these words"
        )


def _first(hands, start):
    unknown = set(start) - {hand.name for hand in hands}
    if unknown:
        raise ValueError(
            f"start names {', '.join(map(repr, sorted(unknown)))}; the controls are "
            f"{', '.join(repr(hand.name) for hand in hands)}"
        )
    return tuple(_position(hand, start) for hand in hands)


def _position(hand, start):
    if hand.name not in start:
        return len(hand.values) // 2 if hand.slider else 0
    wanted = start[hand.name]
    for choices in (hand.values, hand.labels):
        if wanted in choices:
            return choices.index(wanted)
    raise ValueError(f"start={wanted!r} is none of the values of {hand.name!r}: {', '.join(hand.labels)}")


def _named(hands, at):
    return ", ".join(f"{hand.name} {hand.labels[i]}" for hand, i in zip(hands, at, strict=True))


def _drawn(state, hands, at):
    made = state(*(hand.values[i] for hand, i in zip(hands, at, strict=True)))
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], dict)):
        raise ValueError(
            f"a state is (pictures, {{name: number}}); for {_named(hands, at)} it was {type(made).__name__}"
        )
    pictures, numbers = made
    return list(pictures) if isinstance(pictures, (list, tuple)) else [pictures], numbers


def _folded(drawn, sizes, first, names, name):
    """([picture at the start], the marks of all of them)."""
    count = len(drawn[first][0])
    odd = next((i for i, (pictures, _) in enumerate(drawn) if len(pictures) != count or not count), None)
    if odd is not None:
        raise ValueError(
            f"every state has equally many pictures, one at least; {names[odd]!r} has {len(drawn[odd][0])}"
        )
    shown, marks = [], []
    for i in range(count):
        tidied = [motion.picture(pictures[i], f"g{name}p{i}-") for pictures, _ in drawn]
        template, found = fold(tidied, sizes, first, names)
        shown.append(re.sub(r'data-v="(\d+)"', lambda m: f'data-v="{int(m[1]) + len(marks)}"', template))
        marks += found
    return shown, marks


def _said(caption, numbers, sizes):
    """The caption in pieces: HTML at even places, at odd ones a slot of HTML, filled in each state."""
    fields, marked = [], ""
    for literal, field, spec, conversion in string.Formatter().parse(caption):
        marked += literal
        if field is not None:
            one = "{" + field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"
            root = re.match(r"\w*", field)[0]
            fields.append(slot([escape(fill(one, {root: given[root]})) for given in numbers], sizes))
            marked += f"\x02{len(fields) - 1}\x03"
    pieces = re.split("\x02(\\d+)\x03", inline(marked))
    return [fields[int(piece)] if i % 2 else piece for i, piece in enumerate(pieces)]


def _data(labels, marks, said):
    """All that the script reads, as JSON: equal slots are kept once, whatever shows them."""
    slots, numbers = [], {}

    def numbered(slot):
        known = json.dumps(slot)
        if known not in numbers:
            numbers[known] = len(slots)
            slots.append(slot)
        return numbers[known]

    marks = [{name: numbered(slot) for name, slot in mark.items()} for mark in marks]
    said = [numbered(piece) if i % 2 else piece for i, piece in enumerate(said)]
    data = {"labels": labels, "slots": slots, "marks": marks, "said": said}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _sentence(said, at, sizes):
    return "".join(looked_up(piece, at, sizes) if i % 2 else piece for i, piece in enumerate(said))


def _main(hands, first):
    """(words, positions) of the start and of every state that differs from it by one control."""
    found = [(f"{_named(hands, first)} [shown first]", first)]
    for axis, hand in enumerate(hands):
        others = (i for i in range(len(hand.values)) if i != first[axis])
        found += [(f"{hand.name} {hand.labels[i]}", (*first[:axis], i, *first[axis + 1 :])) for i in others]
    return found


def _html(name, words, hands, first, pictures, sentences, data):
    title, description = words
    label = escape(unmarked(f"{title}. {description}"))
    steps = "".join(f"<li><strong>{escape(state)}</strong>: {said}</li>" for state, said in sentences)
    body = [
        f'<p class="title">{inline(title)}</p>',
        f'<div class="stage" role="img" aria-label="{label}">',
        *(f"<div>{picture}</div>" for picture in pictures),
        '</div><div class="hands" data-hands hidden>',
        *(_hand(hand, at) for hand, at in zip(hands, first, strict=True)),
        '</div><figcaption><p class="now" data-now aria-live="polite" aria-atomic="true">',
        f"{sentences[0][1]}</p><details><summary>The picture and its main states in words</summary>",
        f"<p>{inline(description)}</p><ul>{steps}</ul></details></figcaption>",
        f'<script type="application/json" data-all>{data}</script>',
        f"<script>{_SCRIPT.replace('KEY', name)}</script>",
    ]
    longest = max(len(re.sub("<[^>]+>", "", said)) for _, said in sentences)
    style = motion.style(narrowest=0, longest=3, characters=longest) + _STYLE
    attributes = f'data-gpc-states="{name}"'
    return card("".join(body), name="moving gpc-states", style=style, tag="figure", attributes=attributes)


def _hand(hand, at):
    # autocomplete=off: otherwise a browser restores a control on reload while the picture begins anew.
    common = 'data-control autocomplete="off"'
    if hand.slider:
        given = f'min="0" max="{len(hand.values) - 1}" step="1" value="{at}" {common}'
        made = f'<input type="range" {given} aria-valuetext="{hand.labels[at]}">'
        after = f'<output aria-live="off">{hand.labels[at]}</output>'
    else:
        options = "".join(
            f'<option value="{i}"{" selected" if i == at else ""}>{escape(label)}</option>'
            for i, label in enumerate(hand.labels)
        )
        made, after = f"<select {common}>{options}</select>", ""
    return f'<div class="hand"><label><b>{inline(hand.name)}</b>{made}</label>{after}</div>'
