"""Figures that move: a few pictures, one slider, plain HTML and a short script, and no request to anyone."""

from gpc.show.page import Output, card, escape, inline, key, squeeze, unmarked
from gpc.show.svg import tidy

# Pixels: what a part of a picture needs, what a row of them may need at a desk, and how wide that is at most.
_PART, _ROW, _DESK = 240, 680, 832
# Pictures are drawn for white paper: they keep it on dark pages.
_STYLE = squeeze("""
.gpc-moving{max-width:52rem}
.gpc-moving .title{font-weight:700;font-size:1.05em}
.gpc-moving .stage{background:#fff;border-radius:4px;overflow-x:auto;margin:.5rem 0}
.gpc-moving .stage svg{display:block;width:100%%;min-width:%(narrowest)dpx;height:auto;margin:0}
.gpc-moving .parts{display:flex;flex-wrap:wrap;justify-content:center}
.gpc-moving .parts svg{min-width:0}
.gpc-moving [hidden]{display:none!important}
.gpc-moving .hand{display:flex;flex-wrap:wrap;gap:.35rem .75rem;align-items:center}
.gpc-moving input{flex:1 1 10rem;min-width:8rem;min-height:24px;margin:0;accent-color:var(--link)}
.gpc-moving output{min-width:%(longest)dch;font-variant-numeric:tabular-nums}
.gpc-moving button{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--soft);
border-radius:4px;padding:.15rem .7rem;min-height:28px;cursor:pointer}
.gpc-moving figcaption{color:var(--ink);font:inherit;text-align:left;margin:.35rem 0 0}
.gpc-moving .now{min-height:%(lines).1fem}
.gpc-moving summary{cursor:pointer;color:var(--soft)}
.gpc-moving ol{margin:.25rem 0;padding-left:1.5rem}
@media (max-width:40rem){.gpc.gpc-moving{padding:.6rem .5rem}.gpc-moving .stage{margin-inline:-.5rem}
.gpc-moving input{flex-basis:6rem;min-width:6rem}}
@media print{.gpc-moving .hand{display:none!important}}
""")
# The words are read from the list that readers without scripts see, so they stand on the page once.
_SCRIPT = squeeze("""
document.querySelectorAll('[data-gpc-moving="%s"]').forEach(box=>{
if(box.dataset.ready)return;
box.dataset.ready='1';
const frames=[...box.querySelectorAll('[data-frame]')],words=[...box.querySelectorAll('[data-step]')];
const hand=box.querySelector('[data-hand]'),range=hand.querySelector('input');
const said=hand.querySelector('output'),play=hand.querySelector('button');
const caption=box.querySelector('[data-now]');
let timer=null;
const show=i=>{
frames.forEach((frame,j)=>{frame.hidden=i!==j});
const label=words[i].querySelector('[data-label]').textContent;
range.value=i;
range.setAttribute('aria-valuetext',label);
said.textContent=label;
caption.innerHTML=words[i].querySelector('[data-caption]').innerHTML};
const stop=()=>{clearInterval(timer);timer=null;if(play)play.textContent='Play'};
const step=()=>{
const next=+range.value+1;
if(next<frames.length)show(next);
if(next>=frames.length-1)stop()};
range.addEventListener('input',()=>{stop();show(+range.value)});
if(play){
play.hidden=matchMedia('(prefers-reduced-motion: reduce)').matches;
play.addEventListener('click',()=>{
if(timer!==null){stop();return}
if(+range.value===frames.length-1)show(0);
play.textContent='Stop';
timer=setInterval(step,+box.dataset.pause)})}
show(+range.value);
hand.hidden=false});
""")


def moving(
    frames,
    *,
    title,
    description,
    control,
    labels,
    captions,
    start=0,
    play=False,
    pause_ms=1500,
    narrowest=560,
):
    """A figure that moves when its slider is moved: HTML that needs no server, no library and no network.

    Args:
        frames: matplotlib Figures (those of `gpc.show` best) or SVG texts, one for each position of the
            slider.
        title: the conclusion.
        description: what the pictures show, for those who don't see them.
        control: what the slider sets.
        labels: the value at each position, a few words.
        captions: a sentence for each position, light Markdown, read out as it changes.
        start: the position shown first, and alone where scripts don't run; all captions can be unfolded
            there.
        play: a button that walks through; hidden from readers who ask for less motion.
        pause_ms: how long it stays at each position, in milliseconds.
        narrowest: pixels below which the picture scrolls instead of shrinking. Axes in one row stand one
            below the other there instead.

    The same arguments give the same bytes. Returns an Output: the cell's last value, or `.show()`.
    Raises ValueError for fewer than two frames, lists of different length, empty words, or a start out of
    range; and what `gpc.show.svg.tidy` raises.

    >>> picture = '<svg viewBox="0 0 9 9"><circle cx="{}" cy="5" r="3"/></svg>'
    >>> figure = moving([picture.format(x) for x in (3, 6)], title="A dot moves", control="place",
    ...                 description="A dot in a square.", labels=["left", "right"],
    ...                 captions=["It begins.", "It ends."])
    >>> print(figure)
    A dot moves
    A dot in a square.
    place: left [shown first]. It begins.
    place: right. It ends.
    """
    frames, labels, captions = list(frames), [str(x) for x in labels], [str(x) for x in captions]
    words = {"title": title, "description": description, "control": control}
    _checked(frames, labels, captions, start, words)
    name = key("moving", *words.values(), *labels, *captions, start)
    drawn = [pictures(frame, f"g{name}f{i}") for i, frame in enumerate(frames)]
    name = key(name, *(one for parts in drawn for one in parts))
    body = [
        f'<p class="title">{inline(title)}</p>',
        _stage(drawn, title, description, start),
        _hand(len(frames), control, labels, start, play),
        _words(captions, labels, description, start),
        f"<script>{_SCRIPT % name}</script>",
    ]
    look = style(narrowest=narrowest, longest=max(map(len, labels)), characters=max(map(len, captions)))
    attributes = f'data-gpc-moving="{name}" data-pause="{int(pause_ms)}"'
    html = card("".join(body), name="moving", style=look, tag="figure", attributes=attributes)
    return Output(_text(words, labels, captions, start), html=html)


def style(*, narrowest, longest, characters):
    """The style sheet of figures that move. narrowest: pixels below which a picture scrolls. longest,
    characters: letters of the longest label and sentence, for which room is kept."""
    return _STYLE % {
        "narrowest": narrowest,
        "longest": longest,
        "lines": 1.5 * max(1, -(-characters // 95)),
    }


def _checked(frames, labels, captions, start, words):
    if len(frames) < 2 or not len(frames) == len(labels) == len(captions):
        raise ValueError(
            "a moving figure needs two or more frames and a label and a caption for each; "
            f"got {len(frames)} frames, {len(labels)} labels, {len(captions)} captions"
        )
    empty = [name for name, text in words.items() if not str(text).strip()]
    empty += [
        f"{name}[{i}]"
        for name, texts in (("labels", labels), ("captions", captions))
        for i, text in enumerate(texts)
        if not text.strip()
    ]
    if empty:
        raise ValueError(
            f"empty: {', '.join(empty)}; readers who don't see the picture have only these words"
        )
    if start not in range(len(frames)):
        raise ValueError(f"start={start} must be a position from 0 to {len(frames) - 1}")


def picture(frame, prefix):
    """A matplotlib Figure or an SVG text as an SVG element for a page; its ids begin with `prefix`."""
    if isinstance(frame, str):
        return tidy(frame, prefix=prefix)
    if not hasattr(frame, "savefig"):
        raise ValueError(f"a frame must be a matplotlib Figure or an SVG text; got {type(frame).__name__}")
    from gpc.show.canvas import svg

    return svg(frame, prefix)


def pictures(frame, prefix):
    """The same as a list: of a Figure whose axes stand in one row, an element for each."""
    if not hasattr(frame, "savefig"):
        return [picture(frame, f"{prefix}-")]
    from gpc.show.canvas import side_by_side

    parts = side_by_side(frame)
    marks = [f"{prefix}-"] if len(parts) == 1 else [f"{prefix}p{i}-" for i in range(len(parts))]
    return [tidy(part, prefix=mark) for part, mark in zip(parts, marks, strict=True)]


def _stage(drawn, title, description, start):
    label = escape(unmarked(f"{title}. {description}"))
    divs = [_frame(i, parts, shown=i == start) for i, parts in enumerate(drawn)]
    return f'<div class="stage" role="img" tabindex="0" aria-label="{label}">{"".join(divs)}</div>'


def _frame(place, parts, shown):
    """One frame; of several pictures each is as wide as its share, while a row has room for all of them."""
    inside, row = parts[0], ""
    if len(parts) > 1:
        widths = [float(part.split('viewBox="', 1)[1].split(None, 3)[2]) for part in parts]
        least = min(_PART, _ROW * min(widths) / sum(widths)) / min(widths)
        inside = "".join(
            f'<div style="flex:{width:.4g} 1 {least * width:.0f}px;max-width:{_DESK * width / sum(widths):.0f}px">'
            f"{part}</div>"
            for width, part in zip(widths, parts, strict=True)
        )
        row = ' class="parts"'
    return f'<div data-frame="{place}"{row}{"" if shown else " hidden"}>{inside}</div>'


def _hand(count, control, labels, start, play):
    # autocomplete=off: otherwise a browser restores the slider on reload while the picture begins anew.
    slider = f'<input type="range" min="0" max="{count - 1}" step="1" value="{start}" autocomplete="off"'
    slider += f' aria-label="{escape(control)}" aria-valuetext="{escape(labels[start])}">'
    button = '<button type="button">Play</button>' if play else ""
    return (
        f'<div class="hand" data-hand hidden><span aria-hidden="true"><b>{inline(control)}</b></span>'
        f'{slider}<output aria-live="off">{escape(labels[start])}</output>{button}</div>'
    )


def _words(captions, labels, description, start):
    steps = "".join(
        f"<li data-step><strong data-label>{escape(label)}</strong>: "
        f"<span data-caption>{inline(caption)}</span></li>"
        for label, caption in zip(labels, captions, strict=True)
    )
    return (
        f'<figcaption><p class="now" data-now aria-live="polite">{inline(captions[start])}</p>'
        f"<details><summary>The picture and all its steps in words</summary><p>{inline(description)}</p>"
        f"<ol>{steps}</ol></details></figcaption>"
    )


def _text(words, labels, captions, start):
    lines = [words["title"], words["description"]]
    for i, (label, caption) in enumerate(zip(labels, captions, strict=True)):
        lines.append(f"{words['control']}: {label}{' [shown first]' if i == start else ''}. {caption}")
    return unmarked("\n".join(map(str, lines)))
