"""Figures of the real language model, drawn from the stored results of its exhibits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from calibration_lab import calibration
from calibration_lab.agreement import spearman_brown
from calibration_lab.experiments.temperature_zero.language_model_measures import (
    probabilities,
    reliability,
    sampled,
)
from calibration_lab.figures import (
    WIDTH,
    Band,
    Drawing,
    dot_interval,
    number,
    reliability_diagram,
    sweep,
    with_interval,
)
from calibration_lab.results import Result
from calibration_lab.uncertainty import mean_interval, statistic_interval
from calibration_lab.uncertainty.confidence_limits import Interval

__all__ = ["FIGURES"]

SHARE = (0.0, 1.0)
LETTERS = "ABCD"
REPETITIONS = (1, 2, 5, 10, 20, 50, 100)
CIRCUMSTANCES = {
    "again": "the same call again",
    "batch": "inside a batch",
    "other companions": "other companions",
    "padded": "with padding",
    "threads": "on two threads",
}


def kinds(result: Result) -> list[tuple[str, str]]:
    """Wordings and orders of a result, in the order they were asked."""
    found = result.tables["verdicts"][["paraphrase", "order"]].drop_duplicates()
    return [(str(how), str(order)) for how, order in found.itertuples(index=False)]


def over_items(table: pd.DataFrame, measure: str) -> Interval:
    """Mean of a share over items with its interval."""
    return mean_interval(table.groupby("item")[measure].mean().to_numpy(), bounds=SHARE)


def wordings(result: Result) -> Drawing:
    """Accuracy at temperature zero by wording and order."""
    table = result.tables["repetitions"]
    zero = table[table["temperature"] == 0]
    arms = {
        f"{how}, {order}": over_items(
            zero[(zero["paraphrase"] == how) & (zero["order"] == order)], "right"
        )
        for how, order in kinds(result)
    }
    return dot_interval(arms, xlabel="Accuracy at temperature zero", references={"a coin": 0.5})


def bands(table: pd.DataFrame, curves: dict[str, str]) -> tuple[list[float], dict[str, Band]]:
    """Temperatures, and a curve over them for each label and column."""
    temperatures = sorted(table["temperature"].unique())
    found = {}
    for label, column in curves.items():
        each = [over_items(table[table["temperature"] == t], column) for t in temperatures]
        found[label] = Band(
            *(np.array([getattr(e, k) for e in each]) for k in ("estimate", "low", "high"))
        )
    return temperatures, found


def agreement(result: Result) -> Drawing:
    """How often two verdicts on one item agree, repeated or asked otherwise, by temperature."""
    curves = {
        "asked again": "within",
        "in other words": "between_paraphrases",
        "options in the other order": "between_orders",
        "right": "right",
    }
    temperatures, found = bands(result.tables["variants"], curves)
    return sweep(
        temperatures, found, xlabel="Temperature", ylabel="Share of verdicts that agree, or right"
    )


def letters(result: Result, form: str = "letters") -> Drawing:
    """Which letter is chosen, by the letter at which the right option stands."""
    table = result.tables["choices"]
    table = table[table["form"] == form]
    share = np.array([
        [float((table[table["rotation"] == r]["letter"] == letter).mean()) for letter in LETTERS]
        for r in range(len(LETTERS))
    ])  # fmt: skip
    right = over_items(table, "right")

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.6))
        axes = figure.subplots()
        axes.set(xlim=(-0.5, 3.5), ylim=(3.5, -0.5))
        for r, c in np.ndindex(share.shape):
            corner, shade = (c - 0.48, r - 0.48), 0.6 * share[r, c]
            axes.add_patch(Rectangle(corner, 0.96, 0.96, color="C0", alpha=shade, linewidth=0))
            weight = "bold" if r == c else "normal"
            axes.text(c, r, number(float(share[r, c]), 2), ha="center", va="center", weight=weight)
        axes.set_xticks(range(4), list(LETTERS))
        axes.set_yticks(range(4), list(LETTERS))
        axes.set(xlabel="Letter chosen", ylabel="Letter of the right option")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        return figure

    told = "; ".join(
        f"right option at {LETTERS[r]}: "
        + ", ".join(f"{letter} {number(share[r, c], 2)}" for c, letter in enumerate(LETTERS))
        for r in range(4)
    )
    seen = with_interval(right.estimate, right.low, right.high)
    return Drawing(
        draw,
        f"Share of questions at which each letter was chosen. {told}. Share right {seen}.",
        "Which letter the model chooses, by the letter at which the right option stands. A model "
        "that read the options would fill the diagonal (bold).",
    )


def sums(result: Result) -> Drawing:
    """Reliability of the sum of K verdicts at temperature one, by wording and order."""
    tables = result.tables
    units = np.sort(tables["verdicts"]["item"].unique())
    measured: dict[str, Band] = {}
    drawn: dict[str, float] = {}
    for how, order in kinds(result):
        label = f"{how}, {order}"
        one = reliability(probabilities(tables, units, how, order))
        measured[label] = Band(np.asarray(spearman_brown(one, REPETITIONS)))
        drawn[label] = float(spearman_brown(sampled(tables, units, how, order), 100))
    drawing = sweep(
        REPETITIONS, measured, xlabel="Verdicts in the sum",
        ylabel="Reliability (omega)", logarithmic=True,
    )  # fmt: skip

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        handles = axes.get_legend_handles_labels()
        for index, value in enumerate(drawn.values()):
            axes.plot([130], [value], "x", color=f"C{index}", markersize=8, clip_on=False)
        axes.set(ylim=(-0.02, 1.02), xlim=(0.93, 150))
        axes.legend_ = None
        figure.legend(*handles, loc="outside upper center", ncols=2)
        return figure

    crosses = "; ".join(f"{label} {number(value)}" for label, value in drawn.items())
    return Drawing(
        draw,
        f"{drawing.alt} As estimated from a hundred verdicts that were drawn: {crosses}.",
        "Reliability of the sum of several verdicts at temperature one, from the exact "
        "probabilities; crosses: as estimated from a hundred verdicts that were drawn.",
    )


# --- Agreement as confidence --------------------------------------------------------------------

Forecasts = tuple[np.ndarray, np.ndarray, np.ndarray]  # confidence, right, item


def sources(result: Result) -> dict[str, Forecasts]:
    """Confidence in a verdict, whether it is right, and its item, by where confidence is from."""
    repeated, pooled = result.tables["repetitions"], result.tables["variants"]
    found = {}
    for temperature in (0.0, 0.7, 1.0):
        rows = repeated[repeated["temperature"] == temperature]
        found[f"100 repetitions at {temperature:g}"] = (
            rows["confidence"].to_numpy(), rows["majority_right"].to_numpy(),
            rows["item"].to_numpy(),
        )  # fmt: skip
    rows = pooled[pooled["temperature"] == 0]
    count = len(kinds(result))
    found[f"{count} wordings at 0"] = (
        rows["pooled_confidence"].to_numpy(), rows["pooled_right"].to_numpy(),
        rows["item"].to_numpy(),
    )  # fmt: skip
    return found


def confidence(result: Result) -> Drawing:
    """Reliability of agreement as confidence, by what is repeated."""
    chosen = {k: v for k, v in sources(result).items() if "0.7" not in k}
    curves = {
        label: calibration.reliability_curve(confident, right)
        for label, (confident, right, _) in chosen.items()
    }
    return reliability_diagram(
        curves,
        xlabel="Agreement, taken as confidence",
        ylabel="Share right",
        caption="Agreement as confidence. Intervals take answers as independent, though the "
        "wordings of one item share it.",
    )


def scores(result: Result) -> Drawing:
    """Error rate, Brier score, and calibration error with its floor, by source of confidence."""
    rows = {}
    for label, (confident, right, item) in sources(result).items():
        places = {unit: np.flatnonzero(item == unit) for unit in np.unique(item)}

        def ece(
            units: np.ndarray,
            c: np.ndarray = confident,
            r: np.ndarray = right,
            at: dict[int, np.ndarray] = places,
        ) -> float:
            chosen = np.concatenate([at[unit] for unit in units])
            return calibration.expected_calibration_error(c[chosen], r[chosen])

        rows[label] = (
            statistic_interval(np.array(list(places)), ece, bounds=SHARE, resamples=499),
            calibration.calibration_floor(confident).mean,
            float(np.mean((confident - right) ** 2)),
            float(1 - right.mean()),
        )

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 1.4 + 0.7 * len(rows)))
        axes = figure.subplots()
        for row, (found, floor, brier, error) in enumerate(rows.values()):
            label = row == 0
            axes.hlines(row, found.low, found.high, color="C0")
            for value, marker, colour, name, shift in (
                (found.estimate, "o", "C0", "calibration error", 0.0),
                (floor, "|", "grey", "its floor", 0.0),
                (brier, "s", "C1", "Brier score", 0.2),
                (error, "^", "C2", "error rate", 0.4),
            ):
                size = 14 if marker == "|" else 7
                axes.plot(
                    [value], [row + shift], marker, color=colour, markersize=size,
                    label=name if label else None,
                )  # fmt: skip
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set(ylim=(len(rows) - 0.4, -0.4), xlim=(0, None), xlabel="Score (smaller is better)")
        figure.legend(loc="outside upper center", ncols=2)
        return figure

    told = "; ".join(
        f"{label}: calibration error {with_interval(e.estimate, e.low, e.high)}, floor "
        f"{number(floor)}, Brier score {number(brier)}, error rate {number(error)}"
        for label, (e, floor, brier, error) in rows.items()
    )
    return Drawing(
        draw,
        f"Scores of agreement as confidence. {told}.",
        "Agreement as confidence: calibration error with its interval over items and the floor "
        "that a calibrated forecaster would show, Brier score, and error rate.",
    )


# --- Texts and bits -----------------------------------------------------------------------------


def free_answers(result: Result) -> Drawing:
    """The dozen free answers: the text at temperature zero, and how many there are at one."""
    table = result.tables["free_answers"]
    top = table["temperature"].max()
    rows = []
    for question, some in table.groupby("question", sort=False):
        zero, hot = (some[some["temperature"] == t] for t in (0.0, top))
        same = bool((zero["text"] == zero["text"].iloc[0]).all())
        first = zero.iloc[0]
        rows.append((
            str(question), str(first["text"]), bool(first["right"]), same,
            int(hot["text"].nunique()), len(hot), int(hot["right"].sum()),
        ))  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 0.62 * len(rows)))
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.1, -0.3))
        for row, (question, text, right, _, different, count, correct) in enumerate(rows):
            short = text if len(text) < 62 else text[:60] + "…"
            mark = "right" if right else "wrong"
            axes.text(0, row, question, fontsize=9, weight="bold", va="center")
            axes.text(0.02, row + 0.3, f"0: “{short}” ({mark})", fontsize=8.5,
                      color="C2" if right else "C1", va="center")  # fmt: skip
            axes.text(0.02, row + 0.56, f"{top:g}: {different} different texts of {count}, "
                      f"{correct} right", fontsize=8.5, va="center")  # fmt: skip
        return figure

    told = "; ".join(
        f"{question} At zero {'always' if same else 'not always'} “{text}” "
        f"({'right' if right else 'wrong'}); at {top:g} {different} different texts of {count}, "
        f"{correct} right"
        for question, text, right, same, different, count, correct in rows
    )
    return Drawing(
        draw,
        f"Answers to {len(rows)} questions. {told}.",
        "The answer at temperature zero, the same at each repetition, and what repetitions at "
        "temperature one show.",
    )


def texts(result: Result) -> Drawing:
    """Agreement of free answers, repeated or asked in other words, by temperature."""
    curves = {"asked again": "within", "in other words": "between", "right": "right"}
    temperatures, found = bands(result.tables["wordings"], curves)
    return sweep(
        temperatures, found, xlabel="Temperature", ylabel="Share of answers that agree, or right"
    )


def bits(result: Result) -> Drawing:
    """Share of prompts whose logits differ in any bit, by circumstance and precision."""
    table = result.tables["logits"]
    arms = {}
    for precision in ("float32", "bfloat16"):
        for circumstance, words in CIRCUMSTANCES.items():
            rows = table[
                (table["precision"] == precision) & (table["circumstance"] == circumstance)
            ]
            arms[f"{precision}: {words}"] = over_items(rows, "differs")
    return dot_interval(arms, xlabel="Share of prompts with any bit different")


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "lm-wordings": wordings,
    "lm-agreement": agreement,
    "lm-letters": letters,
    "lm-letters-after-examples": partial(letters, form="letters after examples"),
    "lm-letters-in-chat": partial(letters, form="letters in chat"),
    "lm-sums": sums,
    "lm-confidence": confidence,
    "lm-scores": scores,
    "lm-free-answers": free_answers,
    "lm-texts": texts,
    "lm-bits": bits,
}
