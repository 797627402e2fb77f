"""The figures of the temperature-zero chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from calibration_lab import experiments
from calibration_lab.experiments.temperature_zero.drawings import (
    LINES,
    MARKERS,
    above,
    band,
    grouped,
    panels,
)
from calibration_lab.experiments.temperature_zero.language_model_figures import (
    FIGURES as LANGUAGE_MODEL,
)
from calibration_lab.experiments.temperature_zero.quantities import agreeing, repeated, transposed
from calibration_lab.figures import (
    WIDTH,
    Drawing,
    forest_plot,
    number,
    sweep,
    with_interval,
)
from calibration_lab.results import Result
from calibration_lab.uncertainty import mean_interval

__all__ = ["FIGURES"]

NAMES = {
    "careful": "careful", "faint": "faint", "swayed": "swayed", "lenient": "lenient",
    "misled": "misled", "faint-misled": "faint and misled", "reversed": "reversed",
}  # fmt: skip


def consistency(result: Result) -> Drawing:
    """Agreement, reliability and accuracy over the temperature, for three judges."""
    table = result.tables["repetition"]
    table = table[table["setting"] == "free"]
    measures = {"omega": "omega of the sum", "omega_one": "reliability of one answer",
                "total_parsed": "items all agree on", "accuracy": "accuracy"}  # fmt: skip
    bands = {
        f"{NAMES[judge]} judge": {
            label: band(table[table["judge"] == judge], "temperature", measure, (-1, 1))
            for measure, label in measures.items()
        }
        for judge in ("careful", "faint", "faint-misled")
    }
    return panels(
        bands, sorted(set(table["temperature"])), xlabel="Sampling temperature", ylabel="Share",
        about="Consistency, reliability and accuracy over the sampling temperature.",
    )  # fmt: skip


def repetitions(result: Result) -> Drawing:
    """Omega over the number of repetitions, beside Spearman-Brown."""
    table = result.tables["sweep"]
    curves, predicted = {}, {}
    for judge in ("careful", "faint"):
        rows = table[table["judge"] == judge]
        label = f"{judge} judge"
        curves[label] = band(rows, "repetitions", "omega")
        predicted[label] = band(rows, "repetitions", "predicted").estimate
    return sweep(
        sorted(set(table["repetitions"])), curves, predicted=predicted,
        xlabel="Repetitions", ylabel="Omega of the sum", logarithmic=True,
    )  # fmt: skip


def bias(result: Result) -> Drawing:
    """Every judge by the reliability of one answer and by accuracy."""
    points = {
        label: tuple(
            mean_interval(repeated(measure, judge).values(result.tables, "seed"))
            for measure in ("omega_one", "accuracy")
        )
        for judge, label in NAMES.items()
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.2))
        axes = figure.subplots()
        for i, (label, (x, y)) in enumerate(points.items()):
            axes.errorbar(
                x.estimate, y.estimate, xerr=[[x.estimate - x.low], [x.high - x.estimate]],
                yerr=[[y.estimate - y.low], [y.high - y.estimate]], color=f"C{i % 6}",
                marker=MARKERS[i % 6], markersize=7, linestyle="", capsize=2,
            )  # fmt: skip
            judged_below = label == "faint and misled"  # its label would cross the line of chance
            axes.annotate(label, (x.estimate, y.estimate), xytext=(8, -14 if judged_below else 6),
                          textcoords="offset points", fontsize=10)  # fmt: skip
        axes.axhline(0.5, color="grey", linewidth=1, linestyle="--", marker="")
        axes.annotate("chance", (0.84, 0.51), ha="right", fontsize=9)
        axes.set(xlabel="Reliability of one answer", ylabel="Accuracy", xlim=(0, 0.85),
                 ylim=(0.15, 0.85))  # fmt: skip
        return figure

    told = "; ".join(
        f"{label}: reliability {with_interval(x.estimate, x.low, x.high)}, accuracy "
        f"{with_interval(y.estimate, y.low, y.high)}"
        for label, (x, y) in points.items()
    )
    return Drawing(draw, f"Accuracy against the reliability of one answer, by judge. {told}.")


def majority(result: Result) -> Drawing:
    """Accuracy of one draw, of a majority of a hundred, and of temperature zero."""
    rows = {
        NAMES[judge]: {
            "one draw": repeated("accuracy", judge),
            "majority of the draws": repeated("majority_accuracy", judge),
            "temperature 0": repeated("accuracy", judge, 0.0),
        }
        for judge in ("careful", "faint", "swayed", "misled", "faint-misled")
    }
    return grouped(result, rows, "Accuracy", "Accuracy by judge and way of answering.")


def noise(result: Result) -> Drawing:
    """The transposed statistic on pure chance over the size of the table, and its prediction."""
    table = result.tables["noise"]
    curves, predicted = {}, {}
    for k in sorted(set(table["repetitions"])):
        rows = table[table["repetitions"] == k]
        label = f"{k} repetitions"
        curves[label] = band(rows, "questions", "transposed")
        predicted[label] = band(rows, "questions", "predicted").estimate
    return above(
        sweep(
            sorted(set(table["questions"])), curves, predicted=predicted, logarithmic=True,
            xlabel="Questions", ylabel="“Reliability” of pure chance",
        )
    )  # fmt: skip


def shuffled(result: Result) -> Drawing:
    """The null check: judges and their shuffled selves under the transposed statistic."""
    rows = {
        f"{judge},\n{questions} questions": {
            order: transposed("transposed", judge, questions, 0.5, order)
            for order in ("as answered", "shuffled")
        }
        for judge in ("independent", "moody")
        for questions in sorted(set(result.tables["transposed"]["questions"]))
    }
    about = (
        "The transposed statistic at temperature one half, of answers as they are and shuffled "
        "within each question."
    )
    return grouped(result, rows, "Transposed statistic", about)


def stability(result: Result) -> Drawing:
    """Stability of answers and the transposed statistic over the temperature."""
    table = result.tables["transposed"]
    table = table[(table["questions"] == 20) & (table["order"] == "as answered")]
    measures = {"pairwise": "two repetitions agree", "transposed": "transposed statistic"}
    bands = {
        f"{judge} repetitions": {
            label: band(table[table["judge"] == judge], "temperature", measure)
            for measure, label in measures.items()
        }
        for judge in ("independent", "moody")
    }
    return panels(
        bands, sorted(set(table["temperature"])), xlabel="Sampling temperature", ylabel="Share",
        about="Stability of the answers to 20 questions, and what the transposed statistic says.",
    )  # fmt: skip


def self_consistency(result: Result) -> Drawing:
    """Overconfidence of agreement by the temperature at which it is sampled."""
    table = result.tables["confidence"]
    rows = table[(table["recalibration"] == "none")
                 & table["source"].str.startswith("repetition at ")]  # fmt: skip
    rows = rows.assign(temperature=rows["source"].str.split().str[-1].astype(float))
    curves = {
        f"{judge} judge": band(rows[rows["judge"] == judge], "temperature", "over_confidence",
                               (-1, 1))
        for judge in ("honest", "sharp", "sensitive", "stubborn")
    }  # fmt: skip
    drawing = above(
        sweep(
            sorted(set(rows["temperature"])), curves, xlabel="Sampling temperature",
            ylabel="Confidence minus accuracy",
        )
    )  # fmt: skip

    def draw() -> Figure:
        figure = drawing.figure()
        figure.axes[0].axhline(0, color="grey", linewidth=1, marker="", zorder=0)
        return figure

    return Drawing(draw, drawing.alt)


def reliability(result: Result) -> Drawing:
    """Reliability of agreement as confidence at three temperatures, for the sharp judge."""
    table = result.tables["reliability_curve"]
    table = table[(table["judge"] == "sharp") & (table["recalibration"] == "none")]
    curves = {}
    for temperature in (0, 1, 2):
        rows = table[table["source"] == f"repetition at {temperature}"]
        weight = rows.groupby("level")["weight"].sum()
        curves[f"temperature {temperature}"] = (
            (rows["confidence"] * rows["weight"]).groupby(rows["level"]).sum() / weight,
            (rows["right"] * rows["weight"]).groupby(rows["level"]).sum() / weight,
            weight / rows["seed"].nunique(),
        )

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.2))
        axes = figure.subplots()
        axes.plot([0.5, 1], [0.5, 1], color="grey", linestyle="--", marker="", linewidth=1)
        for i, (label, (confidence, right, _)) in enumerate(curves.items()):
            axes.plot(confidence, right, color=f"C{i}", marker=MARKERS[i], linestyle=LINES[i],
                      markersize=10 if len(confidence) == 1 else 6, label=label)  # fmt: skip
        axes.set(xlabel="Share of repetitions that agree", ylabel="Share right",
                 xlim=(0.48, 1.03), ylim=(0.48, 1.03))  # fmt: skip
        axes.legend(loc="upper left")
        return figure

    told = "; ".join(
        f"{label}: {number(float(weight.iloc[-1]))} of answers in the highest level, where "
        f"{number(float(confidence.iloc[-1]))} agree and {number(float(right.iloc[-1]))} are right"
        for label, (confidence, right, weight) in curves.items()
    )
    return Drawing(
        draw, f"Agreement of the sharp judge's repetitions against the share right. {told}."
    )


def repairs(result: Result) -> Drawing:
    """Brier score of confidence from repetitions and phrasings, plain and recalibrated."""
    shown = {
        "repetitions, T = 0": ("repetition at 0", "none"),
        "repetitions, T = 1": ("repetition at 1", "none"),
        "the same, recalibrated": ("repetition at 1", "isotonic"),
        "ten phrasings, T = 0": ("phrasings at 0", "none"),
        "phrasings, recalibrated": ("phrasings at 0", "isotonic"),
    }
    rows = {
        label: {
            f"{judge} judge": agreeing("brier", judge, source, method)
            for judge in ("sensitive", "stubborn")
        }
        for label, (source, method) in shown.items()
    }
    return grouped(
        result, rows, "Brier score (smaller is better)", "Brier score by source of the confidence."
    )


def verdicts(result: Result) -> Drawing:
    """Every statement's effect beside its threshold."""
    return forest_plot(experiments.judgements("temperature-zero", result))


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "consistency": consistency,
    "repetitions": repetitions,
    "bias": bias,
    "majority": majority,
    "noise": noise,
    "shuffled": shuffled,
    "stability": stability,
    "self-consistency": self_consistency,
    "reliability": reliability,
    "repairs": repairs,
    "verdicts": verdicts,
    **LANGUAGE_MODEL,
}
