"""Numbers that statements and prose take from the runs of the language model.

The unit is the item; reliabilities are statistics of all items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration_lab.agreement import icc, spearman_brown
from calibration_lab.statements import Computed, Measured, Tables

__all__ = [
    "GAP",
    "QUANTITIES",
    "REPETITIONS",
    "SHARE",
    "across",
    "any_repetition_differs",
    "off_the_mode",
    "one_draw",
    "probabilities",
    "reliability",
    "reliability_gap",
    "repeated",
    "rotation",
    "sampled",
    "sampled_minus_exact",
    "usually",
    "written",
]

REPETITIONS = 100
SHARE, GAP = (0.0, 1.0), (-1.0, 1.0)  # what a share and a difference of shares cannot leave


# --- Measures -----------------------------------------------------------------------------------


def across(measure: str, temperature: float) -> Measured:
    """A measure of an item over all its wordings and orders."""
    return Measured(measure, "variants", temperature=temperature)


def rotation(measure: str, form: str) -> Measured:
    """A measure of a question over the rotations of its options."""
    return Measured(measure, "rotations", form=form)


def repeated(measure: str, paraphrase: str, order: str, temperature: float) -> Measured:
    """A measure of one wording and order, repeated."""
    return Measured(
        measure, "repetitions", paraphrase=paraphrase, order=order, temperature=temperature
    )


def written(measure: str, temperature: float) -> Measured:
    """A measure of an item's texts over its wordings."""
    return Measured(measure, "wordings", temperature=temperature)


def mean_of(tables: Tables, table: str, measure: str, temperature: float) -> pd.Series:
    """Mean of a measure over the wordings of each item at one temperature."""
    rows = tables[table]
    return rows[rows["temperature"] == temperature].groupby("item")[measure].mean()


def usually(measure: str, temperature: float, table: str = "repetitions") -> Computed:
    """A measure of an item, averaged over its wordings, each of which is repeated by itself."""
    return Computed(mean_of, table=table, measure=measure, temperature=temperature)


def off_the_mode(tables: Tables) -> pd.Series:
    """Largest deviation, over the wordings of an item, from the mode of the distribution.

    At temperature zero: of the agreement of repetitions from 1, and of the share of right verdicts
    from whether the most probable verdict at temperature one is right.
    """
    keys = ["item", "paraphrase", "order"]
    rows = tables["repetitions"].set_index(keys).sort_index()
    zero, one = (rows[rows["temperature"] == t] for t in (0.0, 1.0))
    apart = [(1 - zero["agreement"]).abs(), (zero["right"] - one["limit_right"]).abs()]
    return pd.concat(apart, axis=1).max(axis=1).groupby("item").max()


def of_family(tables: Tables, measure: str, form: str, family: str) -> pd.Series:
    """A measure of the questions of one family."""
    rows = tables["rotations"]
    rows = rows[(rows["form"] == form) & (rows["family"] == family)]
    return rows.set_index("seed")[measure]


def compared(tables: Tables, precision: str, circumstance: str, measure: str) -> pd.Series:
    """A measure of the logits of each prompt, alone or between circumstances."""
    rows = tables["logits"]
    rows = rows[(rows["precision"] == precision) & (rows["circumstance"] == circumstance)]
    return rows.set_index("item")[measure]


def any_repetition_differs(tables: Tables) -> pd.Series:
    """Whether an exact repetition differs in any bit, at either precision."""
    rows = tables["logits"]
    return rows[rows["circumstance"] == "again"].groupby("item")["differs"].max()


# --- Reliabilities: statistics of all items -----------------------------------------------------


def reliability(positive: np.ndarray) -> float:
    """Reliability of one draw: the share of the variance of verdicts that lies between items.

    With P("positive") = p of an item, the verdicts of one draw have the variance
    mean(p)·(1 − mean(p)), of which Var(p) lies between items.  Undefined (nan) where all verdicts
    are the same.
    """
    total = float(positive.mean() * (1 - positive.mean()))
    return float(positive.var() / total) if total > 0 else np.nan


def by_item(rows: pd.DataFrame, measure: str, units: np.ndarray) -> np.ndarray:
    """A measure of the given items, (items, rows of each item), rows in the order of the table.

    With plain arrays, because a law asks for thousands of resamples of the items.
    """
    items, place = np.unique(rows["item"].to_numpy(), return_inverse=True)
    found = rows[measure].to_numpy()[np.argsort(place, kind="stable")].reshape(len(items), -1)
    return np.asarray(found[np.searchsorted(items, units)])


def of_kind(rows: pd.DataFrame, measure: str, units: np.ndarray, **kind: str | float) -> np.ndarray:
    """A measure of the given items at one wording, order and so on, (items,).

    The rows of every item stand together, in the same order for all items.
    """
    found = by_item(rows, measure, units)
    heads = zip(*(rows[name].iloc[: found.shape[1]].tolist() for name in kind), strict=True)
    return np.asarray(found[:, list(heads).index(tuple(kind.values()))])


def probabilities(
    tables: Tables, units: np.ndarray, paraphrase: str, order: str, temperature: float = 1.0
) -> np.ndarray:
    """P("positive") of the given items above temperature zero, from their log-odds."""
    kind = {"paraphrase": paraphrase, "order": order}
    log_odds = of_kind(tables["verdicts"], "log_odds", units, **kind)
    return np.asarray(1 / (1 + np.exp(-log_odds / temperature)))


def one_draw(tables: Tables, units: np.ndarray, times: int = 1, temperature: float = 1.0) -> float:
    """Reliability of the sum of some draws, exactly, averaged over wordings and orders."""
    log_odds = by_item(tables["verdicts"], "log_odds", units)
    positive = 1 / (1 + np.exp(-log_odds / temperature))
    found = [reliability(one) for one in positive.T]
    return float(np.mean(spearman_brown(found, times)))


def sampled(
    tables: Tables, units: np.ndarray, paraphrase: str, order: str, temperature: float = 1.0
) -> float:
    """Reliability of one draw as estimated from the verdicts that were drawn: ICC(1)."""
    kind: dict[str, str | float]
    kind = {"paraphrase": paraphrase, "order": order, "temperature": temperature}
    votes = of_kind(tables["repetitions"], "votes", units, **kind)
    return icc((np.arange(REPETITIONS) < votes[:, None]).astype(float))


def sampled_minus_exact(tables: Tables, units: np.ndarray, paraphrase: str, order: str) -> float:
    """Reliability of the sum of all draws: as estimated from the draws, less its exact value."""
    drawn = spearman_brown(sampled(tables, units, paraphrase, order), REPETITIONS)
    exact = reliability(probabilities(tables, units, paraphrase, order))
    return float(drawn - spearman_brown(exact, REPETITIONS))


def reliability_gap(tables: Tables, units: np.ndarray) -> float:
    """Reliability of the sum of 100 draws of "arrow", negative first less positive first."""
    fair, biased = (
        spearman_brown(reliability(probabilities(tables, units, "arrow", order)), REPETITIONS)
        for order in ("negative first", "positive first")
    )
    return float(fair - biased)


# --- Further numbers ----------------------------------------------------------------------------

VARIANTS = {
    f"{paraphrase}-{order.partition(' ')[0]}-first": (paraphrase, order)
    for paraphrase in ("classify", "arrow", "asked")
    for order in ("positive first", "negative first")
}
TEMPERATURES = {"0": 0.0, "0.7": 0.7, "1": 1.0}

QUANTITIES: dict[str, object] = {
    **{
        f"temperature-zero/language-model/{measure.replace('_', '-')}/{name}":
            (across(measure, temperature), "", SHARE)
        for name, temperature in TEMPERATURES.items()
        for measure in (
            "within", "between_all", "between_orders", "between_paraphrases", "right",
            "pooled_right", "pooled_confidence", "pooled_brier",
        )
    },
    **{
        f"temperature-zero/language-model/{measure.replace('_', '-')}/{variant}/{name}":
            (repeated(measure, *which, temperature), "", SHARE)
        for variant, which in VARIANTS.items()
        for name, temperature in TEMPERATURES.items()
        for measure in ("right", "agreement", "limit_confidence", "limit_right", "limit_brier")
    },
    **{
        f"temperature-zero/language-model/mean-{measure.replace('_', '-')}/{name}":
            (usually(measure, temperature), "", SHARE)
        for name, temperature in TEMPERATURES.items()
        for measure in ("limit_confidence", "limit_right", "limit_brier", "majority_agreement")
    },
    **{
        f"temperature-zero/language-model/{form}-{measure.replace('_', '-')}":
            (rotation(measure, form), "", SHARE)
        for form in ("letters", "words")
        for measure in ("content_agreement", "right", "confidence", "brier")
    },
    **{
        f"temperature-zero/full-grid/{measure.replace('_', '-')}/{name}":
            (across(measure, temperature), "", SHARE)
        for name, temperature in TEMPERATURES.items()
        for measure in ("between_all", "between_orders", "right", "pooled_right", "pooled_brier")
    },
    **{
        f"temperature-zero/full-grid/mean-limit-brier/{name}":
            (usually("limit_brier", temperature), "", SHARE)
        for name, temperature in TEMPERATURES.items()
    },
    **{
        f"temperature-zero/full-grid/{form.replace(' ', '-')}-{measure.replace('_', '-')}":
            (rotation(measure, form), "", SHARE)
        for form in ("letters", "letters after examples", "letters in chat")
        for measure in ("letter_agreement", "content_agreement", "right", "confidence", "brier")
    },
    "temperature-zero/language-model/letters-letter-agreement":
        (rotation("letter_agreement", "letters"), "", SHARE),
    **{
        f"temperature-zero/language-model/{form}-right/{family}":
            (Computed(of_family, measure="right", form=form, family=family), "", SHARE)
        for form in ("letters", "words")
        for family in ("capital", "kind", "sum")
    },
    **{
        f"temperature-zero/free-form/{measure.replace('_', '-')}/{name}":
            (written(measure, temperature), "", SHARE)
        for name, temperature in TEMPERATURES.items()
        for measure in (
            "within", "between", "right", "wrong", "usual_right", "confidence", "brier",
        )
    },
    **{
        f"temperature-zero/free-form/one-wording-{measure.replace('_', '-')}/{name}":
            (usually(measure, temperature, "answers"), "", SHARE)
        for name, temperature in TEMPERATURES.items()
        for measure in ("raw_agreement", "agreement", "usual_right", "confidence", "brier",
                        "nothing")
    },
    **{
        f"temperature-zero/bits/{measure.replace('_', '-')}/{precision}/{circumstance}":
            (Measured(measure, "logits", precision=precision,
                      circumstance=circumstance.replace("-", " ")), "", bounds)
        for precision in ("float32", "bfloat16")
        for circumstance in ("again", "batch", "other-companions", "padded", "threads")
        for measure, bounds in (("differs", SHARE), ("largest", None), ("top_changed", SHARE))
    },
    **{
        f"temperature-zero/bits/{measure.replace('_', '-')}/half-precision":
            (Measured(measure, "logits", precision="bfloat16", circumstance="half precision"), "",
             bounds)
        for measure, bounds in (("differs", SHARE), ("largest", None), ("top_changed", SHARE))
    },
    **{
        f"temperature-zero/bits/forked/{precision}":
            (Measured("forked", "texts", precision=precision), "", SHARE)
        for precision in ("float32", "bfloat16")
    },
}  # fmt: skip
