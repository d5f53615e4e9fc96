"""A guess before the measurement: asked on the page, kept by the browser alone, judged at the end."""

import math

from gpc.show.numbers import number, plain
from gpc.show.page import Output, card, escape, inline, key, squeeze, unmarked

_STYLE = squeeze("""
.gpc-ask fieldset{border:0;margin:0;padding:0;min-width:0}
.gpc-ask legend{font-weight:600;font-size:1em;padding:0;margin:0 0 .35rem;color:inherit;float:none;width:auto}
.gpc-ask label{display:flex;gap:.6rem;align-items:baseline;padding:.25rem 0;margin:0;
cursor:pointer;min-height:24px}
.gpc-ask input{margin:0;flex:none;width:1.05em;height:1.05em;accent-color:var(--link)}
.gpc-ask .soft{font-size:.9em}
""")
# A browser may refuse storage (a private window, a frame of another origin): the guess then lasts as long as
# the page. Both scripts go by the key, so that the order of cells, frames and repeated runs does not matter.
_STORE = squeeze("""
const K='%s',S='gpc:guess:'+K,W=window.gpcGuesses=window.gpcGuesses||{};
const get=()=>{try{const v=localStorage.getItem(S);if(v!==null)return v}catch(e){}return K in W?W[K]:null};
const put=v=>{W[K]=v;try{localStorage.setItem(S,v)}catch(e){}
document.dispatchEvent(new CustomEvent('gpc-guess',{detail:K}))};
const each=(name,act)=>document.querySelectorAll('['+name+'="'+K+'"]').forEach(box=>{
if(!box.dataset.ready){box.dataset.ready='1';act(box)}});
""")
_ASK_SCRIPT = squeeze("""
each('data-gpc-ask',box=>{
const note=box.querySelector('[data-note]'),radios=[...box.querySelectorAll('input')];
if(box.dataset.guess!==undefined)put(box.dataset.guess);
const seen=get();
if(seen!==null)note.textContent='Your guess is kept in this browser.';
radios.forEach(r=>{
r.checked=r.value===seen;
r.addEventListener('change',()=>{
put(r.value);note.textContent='Kept in this browser. Read on; the measurement will judge it.'})})});
""")
_REVEAL_SCRIPT = squeeze("""
each('data-gpc-reveal',box=>{
const out=box.querySelector('[data-verdict]');
const names=[...box.querySelectorAll('[data-choice]')].map(e=>e.textContent);
const judge=()=>{
const g=get();if(g===null||!(g in names))return;
const right=g===box.dataset.answer;out.className=right?'good':'bad';
out.textContent=right?'✓ Your guess was right.':'✗ You guessed: '+names[g]};
judge();
document.addEventListener('gpc-guess',e=>{if(e.detail===K)judge()});
window.addEventListener('storage',e=>{if(e.key===S)judge()})});
""")


def _script(name, code):
    return f"<script>(()=>{{{_STORE % name}{code}}})()</script>"


def _shown(choice):
    """A choice as it is read: text as it is, a number with commas and the digits it was given with."""
    choice = plain(choice)
    if isinstance(choice, float) and math.isfinite(choice) and abs(choice) < 1e15:
        return number(int(choice)) if choice.is_integer() else f"{choice:,}".replace("-", "−")
    return number(choice)


class Prediction:
    """A question with its choices and perhaps a guess; `reveal` shows the answer once it is measured."""

    def __init__(self, question, choices, guess=None):
        self.question, self.choices = str(question), [_shown(choice) for choice in choices]
        self._given = list(choices)
        if not self.question.strip() or len(self.choices) < 2 or len(set(self.choices)) < len(self.choices):
            needed = "a prediction needs a question and two or more different choices"
            raise ValueError(f"{needed}; got {question!r}, {choices!r}")
        self.guess = None if guess is None else self._position(guess, "guess")
        self.key = key(self.question, *self.choices)

    def _position(self, value, what):
        for i, (given, shown) in enumerate(zip(self._given, self.choices, strict=True)):
            if _shown(value) == shown or type(value) is type(given) and value == given:
                return i
        raise ValueError(f"{what}={value!r} is none of the choices: {', '.join(self.choices)}")

    def output(self):
        """The question as an Output: a set of radio buttons on a page, a numbered list at a terminal."""
        options = []
        for i, choice in enumerate(self.choices):
            checked = " checked" if i == self.guess else ""
            radio = f'<input type="radio" name="guess" value="{i}"{checked}>'
            options.append(f"<label>{radio}<span>{inline(choice)}</span></label>")
        note = "Make your guess before you read on."
        body = f"<fieldset><legend>{inline(self.question)}</legend>{''.join(options)}</fieldset>"
        body += f'<p class="soft" data-note role="status">{note}</p>{_script(self.key, _ASK_SCRIPT)}'
        guess = "" if self.guess is None else f' data-guess="{self.guess}"'
        # A form of its own keeps the radio buttons of several questions apart without any id or name to
        # clash.
        form = f'autocomplete="off" onsubmit="return false" data-gpc-ask="{self.key}"{guess}'
        lines = [f"  ({'x' if i == self.guess else ' '}) {unmarked(c)}" for i, c in enumerate(self.choices)]
        text = "\n".join([unmarked(self.question), *lines])
        return Output(text, html=card(body, name="ask", style=_STYLE, tag="form", attributes=form))

    def reveal(self, answer, because=""):
        """Shows the measured answer, one of the choices, why it is so, and whether the guess was right.

        Raises ValueError when the answer is none of the choices.
        """
        self.answered(answer, because).show()

    def answered(self, answer, because=""):
        """What `reveal` shows, as an Output."""
        right = self._position(answer, "answer")
        verdict, mark = "", ""
        if self.guess is not None:
            mark = "good" if self.guess == right else "bad"
            verdict = (
                "✓ Your guess was right." if mark == "good" else f"✗ You guessed: {self.choices[self.guess]}"
            )
        reason = f"<p>{inline(because)}</p>" if because else ""
        names = "".join(f"<span data-choice>{escape(unmarked(choice))}</span>" for choice in self.choices)
        body = f'<p class="soft">{inline(self.question)}</p>'
        body += f"<p><strong>{inline(self.choices[right])}</strong></p>{reason}"
        body += (
            f'<p data-verdict role="status" class="{mark}">{inline(verdict)}</p><span hidden>{names}</span>'
        )
        body += _script(self.key, _REVEAL_SCRIPT)
        text = "\n".join(
            filter(None, [unmarked(f"{self.question} {self.choices[right]}"), unmarked(because), verdict])
        )
        attributes = f'data-gpc-reveal="{self.key}" data-answer="{right}"'
        return Output(text, html=card(body, name="ask", style=_STYLE, attributes=attributes))


def predict(question, choices, guess=None):
    """Asks the reader for a guess; returns a Prediction, to be judged by its `.reveal(answer)`.

    On a page the guess is kept by the reader's own browser and nowhere else; in a running notebook `guess=`
    may be given as well. Choices are texts or numbers.

    Raises ValueError for an empty question, fewer than two choices, equal choices, or a guess that is no
    choice.

    >>> guess = predict("How many weights does a 1×1 layer 480 → 80 hold?",
    ...                 [480, 38_400, 345_600], guess=480)
    How many weights does a 1×1 layer 480 → 80 hold?
      (x) 480
      ( ) 38,400
      ( ) 345,600
    >>> guess.reveal(480 * 80, because="One weight for each pair of an input and a filter.")
    How many weights does a 1×1 layer 480 → 80 hold? 38,400
    One weight for each pair of an input and a filter.
    ✗ You guessed: 480
    """
    prediction = Prediction(question, choices, guess)
    prediction.output().show()
    return prediction
