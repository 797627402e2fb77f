"""What every column of the tables of this experiment means, in one line each."""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.language_model_columns import (
    COLUMNS as LANGUAGE_MODEL,
)

__all__ = ["COLUMNS"]

COLUMNS: dict[str, str] = LANGUAGE_MODEL | {
    "accuracy_spread": "largest minus smallest accuracy of single repetitions",
    "against_theorem": "largest change by a majority vote against the sign that theory gives it",
    "alpha": "Cronbach's alpha of the repetitions; undefined where all items get the same sum",
    "beyond_bound": "by how much validity exceeds the root of the true reliability, at least 0",
    "constant_share": "share of questions that are always answered alike",
    "gain": "accuracy of a majority of one draw less than all, minus that of one draw",
    "judge": "who answers; see judges.py and transposition.py",
    "level": "middle of a confidence level of width 0.1",
    "majority_accuracy": "accuracy of the majority of all repetitions, a tie counting half",
    "mode_accuracy": "accuracy of the judge's most probable answers",
    "moved": "share of items answered differently in the first two free draws",
    "omega": "McDonald's omega of the repetitions, covariance metric; undefined without spread",
    "omega_one": "ICC(1), the reliability of one answer, with items or questions as rows",
    "omega_undefined": "1 where omega is undefined, else 0",
    "order": "answers as given, or shuffled within each question; of a language model, which of "
    "the two options is named first",
    "over_confidence": "mean confidence minus accuracy",
    "pairwise": "probability that two different repetitions of an item or question agree",
    "predicted": "omega by Spearman-Brown (sweep); the transposed statistic of noise elsewhere",
    "predicted_omega": "omega of all repetitions by Spearman-Brown from the true reliability",
    "questions": "questions in the transposed table",
    "recalibration": "what was done to the confidence: none, or isotonic regression",
    "repetitions": "answers to each item or question",
    "right": "share right at a confidence level, by the known probability; of a language model, "
    "probability or share of right answers",
    "setting": "free draws, one fixed seed, or items shuffled within each repetition",
    "share": "share of items on this side",
    "side": "whether one draw is mostly right or mostly wrong on an item",
    "signed": "the transposed statistic without absolute values",
    "source": "where the confidence comes from; see experiment.sources",
    "temperature": "sampling temperature; 0 takes the most probable answer",
    "total_parsed": "share of items whose repetitions all give the same answer",
    "total_raw": "share of items whose repetitions are all the same word for word",
    "transposed": "the reliability that the transposed layout reports",
    "true_omega_one": "reliability of one answer, from the judge's known probabilities",
    "validity": "correlation of one answer with the truth, from the known probabilities",
    "weight": "share of answers at a confidence level",
    "wrong_when_agreed": "share wrong among items on which all repetitions agree",
}
