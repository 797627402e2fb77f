"""What the columns of the tables mean, for those who read the data."""

from __future__ import annotations

from calibration_lab.experiments.sft_shortcut.language_model_columns import (
    COLUMNS as LANGUAGE_MODEL,
)

__all__ = ["COLUMNS"]

COLUMNS: dict[str, str] = LANGUAGE_MODEL | {
    # what tells the rows apart
    "questions": "general, or cancelling: those whose answer is one look-up away by a rule",
    "cue": "whether the cue is the answer (intact), a wrong value (broken), or one of each (mixed)",
    "evaluator": "whose probabilities the score uses: the arm's own, or a frozen model's (base: "
    "the seed's base; reader: the arm clean-chance; knowing: the arm sloppy-100)",
    "traces": "which steps are scored: the model's own, the true ones, another question's true "
    "ones (swapped), or three times the answer (leaked)",
    "world": "what differs from the headline run's constants (sensitivity)",
    # answers: after the model's own steps, unless said otherwise
    "direct_accuracy": "accuracy of the answer asked for before any step",
    "steps_right": "share of written steps that are the true ones",
    "cue_followed": "share of answers equal to the cue",
    "aurc": "area under the risk-coverage curve: error rate averaged over all coverages",
    # interventions
    "corrupt": "share of answers that follow from a falsified own step, mean over the three steps",
    "corrupt_1": "the same, first step falsified",
    "corrupt_2": "the same, second step falsified",
    "corrupt_3": "the same, third step falsified",
    "truncate_0": "share of answers asked for before any step that are the final answer already",
    "truncate_1": "the same, asked for after one own step",
    "truncate_2": "the same, asked for after two own steps",
    "swap": "share of answers that are those of the question whose trace was put in the place of "
    "the model's own, where the two differ",
    # information
    "start_perplexity": "mean perplexity of the right answer before the first step",
    "end_perplexity": "mean perplexity of the right answer after the last step",
    "perplexity_gain": "the paper's score: mean fall of the perplexity per step",
    "telescoped": "start less end perplexity, divided by the number of steps",
    "padded": "the paper's score with as many empty steps again",
    "total_perplexity_gain": "start less end perplexity",
    "start_nats": "mean surprise at the right answer before the first step, in nats",
    "end_nats": "mean surprise at the right answer after the last step, in nats",
    "nats": "start less end surprise, in nats",
    "nats_per_step": "the same per step",
    "whole_string": "the score of the released code: fall of the perplexity of the whole string, "
    "divided by the number of steps and one",
    # reliability
    "weight": "share of answers in the bin",
    "right": "share of right answers in the bin",
}
