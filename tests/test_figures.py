"""Drawings: the same data give the same file, with an alternative that tells them."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from calibration_lab.calibration import reliability_curve
from calibration_lab.figures import (
    Band,
    dot_interval,
    drawing,
    forest_plot,
    reliability_diagram,
    sweep,
)
from calibration_lab.figures.drawing import DARK, LIGHT, Drawing
from calibration_lab.uncertainty.confidence_limits import Interval

FOUND = Interval(0.312, 0.298, 0.327, 0.95, "bootstrap-t")
JUDGED = SimpleNamespace(
    key="a/b-c", kind="at least 0.05", interval=FOUND, threshold=0.05, region=(0.05, np.inf),
    verdict="supported",
)  # fmt: skip
UNDEFINED = SimpleNamespace(
    key="a/d", kind="exact to 0", interval=None, threshold=0.0, region=(0.0, 0.0),
    verdict="refuted",
)  # fmt: skip


def curve():
    return reliability_curve([0.05, 0.95, 0.95, 0.95], [0, 1, 1, 0])


DRAWINGS = {
    "reliability": lambda: reliability_diagram({"sure": curve()}),
    "forest": lambda: forest_plot([JUDGED, UNDEFINED]),
    "sweep": lambda: sweep(
        [0, 1, 2],
        {"gain": Band([1, 3, 2], [0, 2, 1], [2, 4, 3])},
        predicted={"gain": [1, 2, 3]},
        xlabel="Weight",
        ylabel="Gain",
        marks={"limit": 1},
    ),
    "dots": lambda: dot_interval(
        {"brier": FOUND}, units={"brier": [0.3, 0.31]}, xlabel="ECE", references={"floor": 0.02}
    ),
}
TOLD = {
    "reliability": ["sure", "2 of 10 bins", "stated 0.950 came true 0.67", "(of 3)", "below"],
    "forest": ["b c: 0.312 [0.298, 0.327], threshold 0.05, supported", "d: no effect", "refuted"],
    "sweep": ["Gain over Weight", "highest 3.0 [2.0, 4.0] at 1.00", "predicted", "limit"],
    "dots": ["ECE", "brier: 0.312 [0.298, 0.327]", "floor marked at 0.02"],
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_alternative_tells_the_data(name):
    alt = DRAWINGS[name]().alt
    for words in TOLD[name]:
        assert words in alt


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_data_same_file_in_both_themes(name):
    first, second = DRAWINGS[name](), DRAWINGS[name]()
    assert first.svg() == second.svg()
    assert first.svg() != first.svg(dark=True)
    ET.fromstring(first.svg())
    ET.fromstring(first.svg(inline=True))
    assert "<dc:date>" not in first.svg()


def test_inline_drawing_follows_the_page():
    text = DRAWINGS["dots"]().svg(inline=True)
    assert "var(--series-0, #0072b2)" in text
    assert "currentColor" in text
    assert "#1f1f1f" not in text
    assert "<text" in text


def test_drawing_shows_itself_with_its_alternative_escaped():
    shown = Drawing(Figure, 'A figure whose label is "x < y"')._repr_html_()
    assert 'alt="A figure whose label is &quot;x &lt; y&quot;"' in shown


@pytest.mark.parametrize(
    ("suffix", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_save(tmp_path, suffix, begins):
    path = DRAWINGS["dots"]().save(tmp_path / f"figure.{suffix}")
    assert path.stat().st_size > 1000
    assert path.read_bytes().startswith(begins)
    assert list(tmp_path.iterdir()) == [path]


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(tmp_path):
    path = DRAWINGS["dots"]().save(tmp_path / "figure.png")
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        Drawing(lambda: 1 / 0, "A figure that cannot be drawn").save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("x", "labels"),
    [
        ([250, 500, 1000, 100_000], ["250", "500", "1000", "100000"]),
        ([0.25, 0.5, 0.75, 1, 1.25, 6], ["0.25", "0.5", "0.75", "1", "", "6"]),
        ([2.0], ["2"]),
    ],
)
def test_a_logarithmic_sweep_labels_its_own_values_and_none_that_overlap(x, labels):
    figure = sweep(x, {"a": Band(x)}, xlabel="x", ylabel="Gain", logarithmic=True).figure()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_xticks().tolist() == x
    assert [label.get_text() for label in axes.get_xticklabels()] == labels
    assert not [label.get_text() for label in axes.get_xticklabels(minor=True)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reliability_diagram({}), "curves must hold"),
        (lambda: forest_plot([]), "judgements must hold"),
        (lambda: dot_interval({}, xlabel="x"), "arms must hold"),
        (lambda: dot_interval({"a": FOUND}, units={"b": [1]}, xlabel="x"), "units must name arms"),
        (lambda: sweep([0], {"a": Band([1, 2])}, xlabel="x", ylabel="y"), "must have 1 values"),
        (
            lambda: sweep([0], {"a": Band([1])}, xlabel="x", ylabel="y", logarithmic=True),
            "x must be above 0",
        ),
        (lambda: Drawing(Figure, "short"), "alt must say"),
    ],
)
def test_one_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, "#ffffff"), (DARK, "#23282f")])
def test_series_stand_out_from_the_page(palette, ground):
    """WCAG 1.4.11 asks 3:1 of graphics."""
    for colour in palette:
        light, dark = sorted([luminance(colour), luminance(ground)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


def test_series_differ_without_colour():
    assert len(set(drawing.MARKERS)) == len(LIGHT) == len(DARK) == len(drawing.LINES)
    assert len({str(line) for line in drawing.LINES}) == len(LIGHT)


def test_drawing_leaves_pyplot_and_settings_alone():
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams['font.size'];"
        "from matplotlib.figure import Figure; from calibration_lab.figures.drawing import Drawing;"
        "Drawing(Figure, 'an empty figure for a test').svg();"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "assert matplotlib.rcParams['font.size'] == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.31234, 0.2981, 0.3266), "0.312 [0.298, 0.327]"),
        ((12.3, 10.0, 14.0), "12.3 [10.0, 14.0]"),
        ((-0.5, -1.0, 0.0), "−0.5 [−1.0, 0.0]"),
        ((0.5, np.nan, np.nan), "0.500 [interval undefined]"),
        ((0.5, 0.4, np.inf), "0.500 [0.400, ∞]"),
    ],
)
def test_numbers_have_one_form(values, text):
    assert drawing.with_interval(*values) == text
    assert not re.search("-", drawing.with_interval(*values))
