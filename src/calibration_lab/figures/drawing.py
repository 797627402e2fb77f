"""A figure with its text alternative, the one style of all figures, and numbers in one form.

Colours are chosen to be told apart by colour-blind readers and to stand out from light and dark
pages, and never carry meaning alone: each series also has its own marker and line style. A figure
is 14 cm wide, legible on a phone.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

from calibration_lab.results import write_atomically

if TYPE_CHECKING:
    from calibration_lab.uncertainty.confidence_limits import Interval

WIDTH, HEIGHT = 5.6, 3.6  # inches
# after Okabe & Ito (2008), darkened for white paper or lightened for dark pages to contrast >= 3:1
LIGHT = ("#0072b2", "#d55e00", "#00805c", "#a8487f", "#8a6d00", "#4d4d4d")
DARK = ("#56b4e9", "#ff9248", "#2bc79a", "#e79bc8", "#e6c84c", "#c9c9c9")
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))


def style(*, dark: bool = False) -> AbstractContextManager[None]:
    """Style in which every figure is drawn, as a context; series colours are ``C0`` to ``C5``.

    Parameters
    ----------
    dark : bool
        Whether for a dark page.
    """
    ink, faint = ("#e6e6e6", "#5a5f66") if dark else ("#1f1f1f", "#c4c4c4")
    settings: dict[str, Any] = {
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "axes.prop_cycle": cycler(color=DARK if dark else LIGHT, marker=MARKERS, linestyle=LINES),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "figure.constrained_layout.use": True,
        "figure.facecolor": "none",
        "figure.figsize": (WIDTH, HEIGHT),
        "axes.facecolor": "none",
        "font.size": 11,
        "grid.color": faint,
        "legend.frameon": False,
        "legend.fontsize": 10,
        "lines.linewidth": 2,
        "lines.markersize": 6,
        "savefig.facecolor": "none",
        "svg.hashsalt": "calibration-lab",  # the same drawing is the same file
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
    }
    # from the defaults, so that a reader's own matplotlibrc changes nothing; the backend is theirs
    defaults: dict[Any, Any] = dict(mpl.rcParamsDefault)
    chosen = {key: value for key, value in defaults.items() if not key.startswith("backend")}
    chosen.update(settings)
    return mpl.rc_context(chosen)


@dataclass(frozen=True)
class Drawing:
    """A figure with its text alternative.

    ``figure`` draws it anew in the style that is then in force (take colours by name, ``C0``);
    ``alt`` says what it shows to a reader who does not see it; ``caption`` stands below it.
    """

    figure: Callable[[], Figure]
    alt: str
    caption: str = ""

    def __post_init__(self) -> None:
        if len(self.alt.strip()) < 20:
            raise ValueError(f"alt must say what the figure shows, got {self.alt!r}")

    def svg(self, *, dark: bool = False, inline: bool = False) -> str:
        """SVG of the figure; the same drawing gives the same text.

        Parameters
        ----------
        dark : bool
            Whether for a dark page; the background is transparent either way.
        inline : bool
            Whether to stand inside a page: text stays text, and colours follow the page's
            ``currentColor`` and ``--series-0`` to ``--series-5``.
        """
        buffer = io.StringIO()
        with style(dark=dark), mpl.rc_context({"svg.fonttype": "none" if inline else "path"}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self.figure().savefig(buffer, format="svg", metadata=nothing)
        text = buffer.getvalue()
        if not inline:
            return text
        text = text[text.index("<svg") :]
        for number, colour in enumerate(LIGHT):
            text = text.replace(f": {colour}", f": var(--series-{number}, {colour})")
        text = re.sub(r"((?:stroke|fill): )(?:#1f1f1f|#000000)", r"\1currentColor", text)
        text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'class="drawing"', text, count=1)
        return re.sub(r">\s+<", "><", text).strip()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.svg().encode()).decode()
        return (
            f'<img class="drawing-card" alt="{html.escape(self.alt, quote=True)}"'
            f' src="data:image/svg+xml;base64,{data}"'
            ' style="background:#fff;padding:8px;border-radius:4px;max-width:100%;height:auto">'
        )

    def save(self, path: Path | str, *, dark: bool = False) -> Path:
        """Write the figure to a file, by its suffix as SVG, PDF or PNG, and return its path."""
        path = Path(path)
        if path.suffix == ".svg":
            return write_atomically(path, self.svg(dark=dark).encode())
        content, ground = io.BytesIO(), "#14181e" if dark else "#ffffff"
        with style(dark=dark):
            self.figure().savefig(content, format=path.suffix[1:], dpi=200, facecolor=ground)
        return write_atomically(path, content.getvalue())


def require_some(name: str, given: Any) -> None:
    """Raise ValueError unless there is something to draw."""
    if not given:
        raise ValueError(f"{name} must hold at least one entry, got none")


# ---- numbers, in one form for alternatives, axes and prose ------------------------------------


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(*values: float, width: float | None = None) -> int:
    """Return how many decimals show a value: two significant digits of `width`, or three of it."""
    finite = [abs(v) for v in values if math.isfinite(v) and v != 0]
    scale, digits, most = (width, 2, 4) if width else (max(finite, default=1.0), 3, 3)
    return min(max(digits - 1 - math.floor(math.log10(scale)), 0), most)


def number(value: float, places: int | None = None) -> str:
    """Write a number for readers, with a true minus sign and without a negative zero.

    Parameters
    ----------
    value : float
        Any number, nan and infinities included.
    places : int, optional
        Decimals; by default three significant digits and at most three decimals, or a power of ten
        where that would show nothing.

    Examples
    --------
    >>> number(-0.12345), number(1234.5, 0), number(-0.0001, 2), number(float("nan"))
    ('−0.123', '1234', '0.00', 'undefined')
    >>> number(0.05), number(3.2e-13)
    ('0.050', '3.2 × 10⁻¹³')
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if places is None and 0 < abs(value) < 5e-4:
        digits, power = f"{abs(value):.1e}".split("e")
        sign = "−" if value < 0 else ""
        return f"{sign}{digits} × 10{str(int(power)).translate(SUPERSCRIPTS)}"
    text = f"{value:.{decimals(value) if places is None else places}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def declared(value: float) -> str:
    """Write a constant that was chosen, as it was chosen: without rounding.

    Examples
    --------
    >>> declared(0.05), declared(-2.0), declared(1e-9)
    ('0.05', '−2', '1e−09')
    """
    return f"{value:.12g}".replace("-", "−")


def with_interval(estimate: float, low: float, high: float) -> str:
    """Write an estimate and its interval, rounded to two significant digits of the interval.

    Examples
    --------
    >>> with_interval(0.31234, 0.2981, 0.3266)
    '0.312 [0.298, 0.327]'
    """
    if math.isnan(low) or math.isnan(high):
        return f"{number(estimate)} [interval undefined]"
    places = decimals(estimate, low, high, width=high - low if math.isfinite(high - low) else None)
    low_text, high_text = number(low, places), number(high, places)
    return f"{number(estimate, places)} [{low_text}, {high_text}]"


def tell_interval(found: Interval | None) -> str:
    """Write an estimate with its interval, or say that there is none."""
    return "no effect" if found is None else with_interval(found.estimate, found.low, found.high)
