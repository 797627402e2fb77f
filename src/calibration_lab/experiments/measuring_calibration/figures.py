"""The figures of the primer, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab.calibration import ReliabilityCurve
from calibration_lab.experiments.measuring_calibration.statements import (
    MODELS,
    Measured,
    of,
    repaired,
)
from calibration_lab.figures import (
    WIDTH,
    Band,
    Drawing,
    number,
    reliability_diagram,
    sweep,
    with_interval,
)
from calibration_lab.results import Result
from calibration_lab.uncertainty import Interval, mean_interval

__all__ = ["FIGURES"]

BINS = 10  # of the stored reliability tables


# --- From tables to curves ----------------------------------------------------------------------


def pooled_curve(rows: pd.DataFrame) -> ReliabilityCurve:
    """Reliability of the forecasts of all seeds together, from counts and means per bin.

    Without intervals: the forecasts of all seeds are so many that theirs would not be seen.
    """
    count, said, came_true = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
    for target, values in (
        (count, rows["count"]),
        (said, rows["count"] * rows["confidence"]),
        (came_true, rows["count"] * rows["frequency"]),
    ):
        np.add.at(target, rows["bin"].to_numpy(), values.to_numpy(float))
    full = np.where(count > 0, count, np.nan)
    unknown = np.full(BINS, np.nan)
    edges = np.arange(BINS + 1) / BINS
    means = (said / full, came_true / full)
    return ReliabilityCurve(edges, count.astype(int), count, *means, unknown, unknown)


def over(table: pd.DataFrame, x: str, y: str) -> tuple[np.ndarray, Band]:
    """Mean and interval over seeds of ``y`` at each value of ``x``."""
    wide = table.pivot(index="seed", columns=x, values=y)
    found = [mean_interval(wide[column]) for column in wide]
    estimate, low, high = (
        np.array([getattr(one, end) for one in found]) for end in ("estimate", "low", "high")
    )
    known = np.isfinite(low).all()  # a report that never varies has no interval
    band = Band(estimate, low, high) if known else Band(estimate)
    return wide.columns.to_numpy(float), band


def curves(
    table: pd.DataFrame, factor: str, levels: Sequence[str], x: str, y: str
) -> tuple[np.ndarray, dict[str, Band]]:
    """One curve over ``x`` for each level of a factor."""
    bands, at = {}, np.zeros(0)
    for level in levels:
        at, bands[level.replace("_", " ")] = over(table[table[factor] == level], x, y)
    return at, bands


# --- The simulated world ------------------------------------------------------------------------


def reliability(result: Result) -> Drawing:
    """Three forecasters of the same events, with the same ranking."""
    table = result.tables["reliability"]
    return reliability_diagram(
        {
            f"{name} forecaster": pooled_curve(table[table["forecaster"] == name])
            for name in ("calibrated", "overconfident", "underconfident")
        },
        caption="Reliability of three forecasters who rank the same events in the same order; the "
        "forecasts of all seeds together.",
    )


def floor(result: Result) -> Drawing:
    """ECE against the number of forecasts."""
    table = result.tables["sample_size"]
    x, bands = curves(table, "forecaster", ("calibrated", "overconfident"), "n", "ece")
    law = np.asarray(bands["calibrated"].estimate)[0] * np.sqrt(x[0] / x)
    truth = over(table[table["forecaster"] == "overconfident"], "n", "true_ece")[1].estimate
    return sweep(
        x,
        bands,
        predicted={"calibrated": law, "overconfident": truth},
        xlabel="Number of forecasts",
        ylabel="ECE, 15 bins",
        logarithmic=True,
        caption="ECE of a perfectly calibrated and of an overconfident forecaster. Dotted: one "
        "over the square root of the number of forecasts, and the overconfident forecaster's "
        "error against the known probabilities.",
    )


def debiased(result: Result) -> Drawing:
    """Two estimates of the squared error of a calibrated forecaster, which is 0."""
    table = result.tables["squared"]
    table = table[table["forecaster"] == "calibrated"]
    levels = ("plug-in", "debiased", "truth")
    x, bands = curves(table, "estimator", levels, "n", "squared_error")
    return sweep(
        x,
        bands,
        xlabel="Number of forecasts",
        ylabel="Squared calibration error",
        logarithmic=True,
        caption="The plug-in and the debiased estimate of a squared calibration error that is 0.",
    )


def bins(result: Result) -> Drawing:
    """ECE of two forecasters against the number of bins."""
    levels = ("mildly overconfident", "edge-seeking", "calibrated")
    x, bands = curves(result.tables["bins"], "forecaster", levels, "bins", "ece")
    return sweep(
        x,
        bands,
        xlabel="Number of bins",
        ylabel="ECE on ten thousand forecasts",
        marks={"10 bins": 10.0, "20 bins": 20.0},
        caption="Which forecaster is better calibrated depends on the number of bins; and the "
        "floor of a perfectly calibrated one rises with it.",
    )


def elicited(result: Result) -> Drawing:
    """The report that minimises each score on a few hundred labels."""
    x, bands = curves(
        result.tables["learned"], "rule", ("brier", "linear", "penalise_only_wrong"),
        "probability", "report",
    )  # fmt: skip
    return sweep(
        x,
        bands,
        predicted={"honesty": x},
        xlabel="True probability",
        ylabel="Report with the least mean score",
        caption="What to say in order to score best on observed outcomes: the Brier score asks for "
        "the frequency, the linear score for 0 or 1, a score that charges only for wrong answers "
        "for 0.",
    )


def risk(result: Result) -> Drawing:
    """Selective risk of forecasters that differ in ranking."""
    levels = ("calibrated", "overconfident", "coarse", "shuffled")
    table = result.tables["risk"]
    x, bands = curves(table, "forecaster", levels, "coverage", "risk")
    both = "calibrated, and overconfident"
    if np.allclose(bands["calibrated"].estimate, bands["overconfident"].estimate):
        # drawn once, so that one does not hide the other
        bands = {both: bands["calibrated"], **{one: bands[one] for one in levels[2:]}}
    return sweep(
        x,
        bands,
        xlabel="Coverage: share of events answered, the surest first",
        ylabel="Selective risk: share of those wrong",
        caption="Selective risk depends on the ranking only: a calibrated forecaster and its "
        "overconfident copy have one curve.",
    )


# --- Panels of dots -----------------------------------------------------------------------------


def panels(
    result: Result,
    rows: Mapping[str, Mapping[str, Sequence[tuple[str, Measured]]]],
    *,
    caption: str,
    intervals: bool = True,
) -> Drawing:
    """Draw one panel per measure: rows of dots, several series per row.

    Parameters
    ----------
    result : Result
        The tables.
    rows : mapping of mapping
        Panel title to row label to series and value.
    caption : str
        Text below.
    intervals : bool
        Whether to draw and tell the interval over seeds. Splits of one data set have none: the
        dots are means over splits.
    """
    found: dict[str, dict[str, list[tuple[str, Interval]]]] = {
        panel: {
            label: [
                (series, mean_interval(value.values(result.tables, "seed").to_numpy()))
                for series, value in values
            ]
            for label, values in lines.items()
        }
        for panel, lines in rows.items()
    }
    series = [name for name, _ in next(iter(next(iter(found.values())).values()))]
    markers = "osD^vP"

    def draw() -> Figure:
        lines = next(iter(found.values()))
        figure = Figure(figsize=(WIDTH, 1.3 + 0.42 * len(lines)))
        row_axes = np.atleast_1d(figure.subplots(1, len(found), sharey=True))
        for axes, (panel, labelled) in zip(row_axes, found.items(), strict=True):
            for row, values in enumerate(labelled.values()):
                for index, (_, one) in enumerate(values):
                    place = row + 0.16 * (index - (len(values) - 1) / 2)
                    if intervals and np.isfinite(one.low):
                        axes.hlines(place, one.low, one.high, color=f"C{index}", linewidth=2)
                    look = {"marker": markers[index], "linestyle": "", "markersize": 7}
                    axes.plot(one.estimate, place, color=f"C{index}", **look)
            axes.set(title=panel, ylim=(len(labelled) - 0.5, -0.5))
            axes.margins(x=0.12)
            axes.set_xlim(left=0)
            axes.grid(axis="y", linewidth=0.5)
        row_axes[0].set_yticks(range(len(lines)), list(lines))
        if len(series) > 1:
            handles = [
                row_axes[0].plot([], [], marker=markers[i], linestyle="", color=f"C{i}")[0]
                for i in range(len(series))
            ]
            figure.legend(handles, series, loc="outside lower center", ncols=len(series))
        return figure

    told = []
    for panel, labelled in found.items():
        for label, values in labelled.items():
            shown = [
                f"{name} {with_interval(one.estimate, one.low, one.high)}".strip()
                if intervals and np.isfinite(one.low)
                else f"{name} {number(one.estimate)}".strip()
                for name, one in values
            ]
            told.append(f"{panel}, {label}: {', '.join(shown)}")
    return Drawing(draw, f"Dots in {len(found)} panels. {'; '.join(told)}.", caption)


def forecasters(result: Result) -> Drawing:
    """Three measures of six forecasters, side by side."""
    names = ("calibrated", "coarse", "constant", "overconfident", "underconfident", "shuffled")
    measures = {"ECE": "ece", "Brier score": "brier", "AUROC": "auroc"}
    return panels(
        result,
        {
            title: {name: [("", of(name, measure))] for name in names}
            for title, measure in measures.items()
        },
        caption="Three measures of six forecasters of the same events. By ECE the constant is "
        "among the best; by the Brier score and AUROC it knows next to nothing.",
    )


def repairs(result: Result) -> Drawing:
    """Brier score and ECE of four models before and after each repair."""
    titles = {"Brier score": "brier", "ECE, 15 bins": "ece"}
    return panels(
        result,
        {
            title: {
                f"{model}, {data}": [
                    (repair.replace("platt", "Platt"), repaired(data, model, repair, measure))
                    for repair in ("none", "temperature", "platt", "isotonic")
                ]
                for data, model in MODELS
            }
            for title, measure in titles.items()
        },
        caption="Four models of real data before and after three repairs: means over splits of one "
        "data set each.",
        intervals=False,
    )


def repaired_curves(result: Result, data: str, model: str) -> dict[str, ReliabilityCurve]:
    """Reliability of one model before and after two repairs."""
    table = result.tables["repaired_reliability"]
    table = table[(table["data"] == data) & (table["model"] == model)]
    labels = {"none": "as trained", "temperature": "temperature", "isotonic": "isotonic"}
    return {
        label: pooled_curve(table[table["repair"] == repair]) for repair, label in labels.items()
    }


def network(result: Result) -> Drawing:
    """Reliability of the overfitted network before and after repair."""
    return reliability_diagram(
        repaired_curves(result, "digits", "network"),
        caption="An overfitted network on handwritten digits, as trained and repaired; the test "
        "rows of all splits together.",
        xlabel="Stated probability that the digit is odd",
    )


def naive_bayes(result: Result) -> Drawing:
    """Reliability of naive Bayes on digits before and after repair."""
    return reliability_diagram(
        repaired_curves(result, "digits", "naive Bayes"),
        caption="Naive Bayes on handwritten digits: one temperature pulls every forecast to the "
        "middle, isotonic regression does not.",
        xlabel="Stated probability that the digit is odd",
    )


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "reliability": reliability,
    "floor": floor,
    "debiased": debiased,
    "bins": bins,
    "elicited": elicited,
    "risk": risk,
    "forecasters": forecasters,
    "repairs": repairs,
    "network": network,
    "naive-bayes": naive_bayes,
}
