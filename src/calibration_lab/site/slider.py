"""A slider over drawings: an interactive figure that needs no kernel, no network and no library.

Python draws every position beforehand. The control is the browser's own, so it works with the
keyboard, a screen reader and on a phone, in the book, in JupyterLab and in Colab; without
JavaScript the figure of the first position stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape

from calibration_lab.figures.drawing import Drawing

# one listener per slider and no shared name: the same cell may be shown twice on a page
SCRIPT = """
(() => {
  const box = document.getElementById("%s"), range = box.querySelector("input");
  const output = box.querySelector("output"), frames = [...box.querySelectorAll(".slider-frame")];
  const show = () => {
    frames.forEach((frame, i) => { frame.hidden = i !== Number(range.value); });
    const text = frames[range.value].dataset.text;
    output.textContent = text;
    range.setAttribute("aria-valuetext", text);
  };
  range.addEventListener("input", show);
  show();
})();
"""


class Slider:
    """Drawings behind a slider; a notebook shows it, and `html` is what it shows.

    Parameters
    ----------
    drawings : mapping of str to Drawing
        What the slider says at each position, in order, and what it shows there.
    label : str
        Name of what is moved, such as "Weight of the Brier term".
    start : int
        Position shown first, from 0.

    Raises
    ------
    ValueError
        If there are fewer than two drawings, the label is empty, or `start` is not a position.
    """

    def __init__(self, drawings: Mapping[str, Drawing], label: str, start: int = 0):
        if len(drawings) < 2:
            raise ValueError(f"drawings must hold at least two positions, got {len(drawings)}")
        if not label.strip():
            raise ValueError(f"label must name what the slider moves, got {label!r}")
        if not 0 <= start < len(drawings):
            raise ValueError(f"start must be a position 0 to {len(drawings) - 1}, got {start}")
        self.drawings, self.label, self.start = dict(drawings), label, start

    def html(self) -> str:
        """HTML of the slider with all its frames; the same drawings give the same text."""
        frames = []
        for position, (text, drawing) in enumerate(self.drawings.items()):
            hidden = "" if position == self.start else " hidden"
            frames.append(
                f'<div class="slider-frame" role="img" aria-label="{escape(drawing.alt)}"'
                f' data-text="{escape(text)}"{hidden}>{drawing.svg(inline=True)}</div>'
            )
        shown = escape(list(self.drawings)[self.start])
        body = "".join(frames)
        name = "slider-" + hashlib.sha256((self.label + body).encode()).hexdigest()[:10]
        return (
            f'<div class="slider" id="{name}">{body}<div class="slider-controls">'
            f'<label for="{name}-range">{escape(self.label)}</label> '
            f'<input type="range" id="{name}-range" min="0" max="{len(frames) - 1}" step="1"'
            f' value="{self.start}" aria-valuetext="{shown}"> <output for="{name}-range">{shown}'
            f"</output></div><script>{SCRIPT % name}</script></div>"
        )

    def _repr_html_(self) -> str:
        return self.html()
