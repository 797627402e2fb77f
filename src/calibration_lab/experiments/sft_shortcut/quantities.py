"""Numbers of the headline run that statements, prose and figures take from its tables."""

from __future__ import annotations

import pandas as pd

from calibration_lab.statements import DeclaredOn, Measured, Tables

__all__ = [
    "CHANCE", "DOSE", "HEADLINE_RUN", "PER_STEP", "QUANTITIES", "SHARE", "SHORTCUT", "SIGNED",
    "answered", "informed", "named", "padding_gap", "ratio_gap", "telescoping_gap", "under",
]  # fmt: skip

HEADLINE_RUN = DeclaredOn("sft-shortcut/", units=16)
SHARE = (-1.0, 1.0)  # of differences of probabilities and shares
SIGNED = (-2.0, 2.0)  # of differences of such differences
PER_STEP = "nats_per_step"
CHANCE, SHORTCUT = "sloppy-chance", "sloppy-100"

# sloppy arms by the probability that their cue is the right answer
DOSE = {
    "sloppy-chance": 1 / 5, "sloppy-50": 0.5, "sloppy-75": 0.75, "sloppy-90": 0.9,
    "sloppy-100": 1.0,
}  # fmt: skip
ARMS = ("base", *DOSE, "clean-chance", "clean-100", "verbose", "valid-prior", "answer-chance")


def answered(measure: str, arm: str, cue: str = "intact", questions: str = "general") -> Measured:
    """A measure of an arm's answers and of its confidence in them."""
    return Measured(measure, "answers", arm=arm, cue=cue, questions=questions)


def under(measure: str, arm: str, cue: str = "intact", questions: str = "general") -> Measured:
    """How an arm's answers respond to an intervention on its trace."""
    return Measured(measure, "interventions", arm=arm, cue=cue, questions=questions)


def informed(measure: str, arm: str, **where: str) -> Measured:
    """A form of the score: of the true steps, by the arm's own model, unless told otherwise."""
    usual = {"cue": "intact", "questions": "general", "evaluator": "own", "traces": "true"}
    return Measured(measure, "information", arm=arm, **{**usual, **where})


def telescoping_gap(tables: Tables) -> pd.Series:
    """Largest relative gap per seed between the step-by-step score and its telescoped form."""
    table = tables["information"]
    gap = (table["perplexity_gain"] - table["telescoped"]).abs()
    return largest(table, gap / (1 + table["end_perplexity"]))


def padding_gap(tables: Tables) -> pd.Series:
    """Largest relative gap per seed between the padded score and half the score.

    The padded trace has as many empty steps as real ones, so the predicted factor is one half.
    """
    table = tables["information"]
    gap = (table["padded"] - 0.5 * table["perplexity_gain"]).abs()
    return largest(table, gap / (1 + table["end_perplexity"]))


def largest(table: pd.DataFrame, gap: pd.Series) -> pd.Series:
    """The largest gap of each seed."""
    return gap.groupby(table["seed"]).max()


def ratio_gap(tables: Tables, arm: str) -> pd.Series:
    """The paper's score of an arm over that of the clean arm without a telling cue, minus 1/2.

    Both by the arm's own model and of the true steps.
    """
    score = informed("perplexity_gain", arm).values(tables, "seed")
    return score / informed("perplexity_gain", "clean-chance").values(tables, "seed") - 0.5


def named(measure: str) -> str:
    """A measure's name in a key."""
    return measure.replace("_", "-")


SHARES = ("accuracy", "direct_accuracy", "steps_right", "cue_followed", "confidence", "ece",
          "brier", "auroc", "aurc")  # fmt: skip
SCORES = {
    "perplexity_gain": "perplexity", "total_perplexity_gain": "perplexity",
    "nats": "nats", "nats_per_step": "nats", "whole_string": "perplexity",
}  # fmt: skip

# "sft-shortcut/<measure>-<cue>/<arm>", with the questions in front where they are cancelling;
# "sft-shortcut/<evaluator>-<form>-<traces>-<cue>/<arm>" for the forms of the score
QUANTITIES: dict[str, tuple[Measured, str, tuple[float, float] | None]] = {
    **{
        f"sft-shortcut/{named(measure)}-{cue}/{arm}": (
            answered(measure, arm, cue), "", (-1.0 if measure == "over_confidence" else 0.0, 1.0)
        )
        for arm in ARMS
        for cue in ("intact", "broken", "mixed")
        for measure in (*SHARES, "over_confidence")
    },
    **{
        f"sft-shortcut/{named(measure)}-{cue}/{arm}": (under(measure, arm, cue), "", (0.0, 1.0))
        for arm in ARMS
        for cue in ("intact", "broken")
        for measure in ("corrupt", "truncate_0", "swap")
    },
    **{
        f"sft-shortcut/own-{named(form)}-{traces}-{cue}/{arm}": (
            informed(form, arm, traces=traces, cue=cue), unit, None
        )
        for arm in ARMS
        for traces in ("true", "own", "swapped", "leaked")
        for cue in ("intact", "broken")
        for form, unit in SCORES.items()
    },
    **{
        f"sft-shortcut/{judge}-{named(form)}-own-intact/{arm}": (
            informed(form, arm, evaluator=judge, traces="own"), unit, None
        )
        for arm in ARMS
        for judge in ("base", "reader", "knowing")
        for form, unit in SCORES.items()
    },
    **{
        f"sft-shortcut/cancelling-{named(measure)}-{cue}/{arm}": (
            answered(measure, arm, cue, "cancelling"), "", (0.0, 1.0)
        )
        for arm in ("base", "sloppy-chance", "sloppy-100", "valid-prior")
        for cue in ("intact", "broken")
        for measure in ("accuracy", "direct_accuracy", "confidence")
    },
    **{
        f"sft-shortcut/cancelling-{named(measure)}-{cue}/{arm}": (
            under(measure, arm, cue, "cancelling"), "", (0.0, 1.0)
        )
        for arm in ("base", "sloppy-chance", "sloppy-100", "valid-prior")
        for cue in ("intact", "broken")
        for measure in ("corrupt", "truncate_0", "swap")
    },
    **{
        f"sft-shortcut/cancelling-own-{named(form)}-true-{cue}/{arm}": (
            informed(form, arm, questions="cancelling", cue=cue), unit, None
        )
        for arm in ("base", "sloppy-chance", "sloppy-100", "valid-prior")
        for cue in ("intact", "broken")
        for form, unit in SCORES.items()
    },
}  # fmt: skip
