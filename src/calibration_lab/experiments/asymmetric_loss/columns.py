"""What the columns of the asymmetric-loss experiment's tables mean, those of its exhibits too."""

from __future__ import annotations

__all__ = ["COLUMNS"]

COLUMNS: dict[str, str] = {
    # what identifies a row
    "prior": "share of positive (with four classes: of costly) cases; on real data as measured",
    "ratio": "how much more positives weigh in the training loss; 1 is the plain loss",
    "cost_ratio": "how much more a miss costs than a false alarm, in the judging",
    "scaled_as": "ratio whose gradient size the loss was given; its own where it was left as it is",
    "how": "what takes no notice of the factor: Adam, or every loss scaled as the plain one",
    "decay": "explicit cost of learning: weight of the squared weights in the training loss",
    "when": "stopped by its own validation loss, or overfit at no cost of learning",
    "rule": "how log-odds are turned into calls, fitted on validation cases",
    "reading": "the network's answer as it is, or the probability it implies with weights undone",
    "split": "number of the random split into training, validation and test rows; equals seed",
    "data": "data set",
    "question": "what is asked of an image: is the digit five or more, is it an eight",
    "loss": "plain or weighted by the cost ratio",
    "budget": "a fixed budget of SGD steps, or Adam free to stop",
    "optimiser": "sgd or adam",
    "distinction": "which classes have to be told apart",
    "regime": "a fixed budget of steps, an explicit cost of learning, or free to stop",
    # ranking, probabilities
    "gap": "AUROC of the plain loss less that of the row's own, same seed, prior and step",
    "best": "AUROC of the true probability",
    "weighted_log_score": "log score with the cost's weights, of the implied probability adjusted",
    "answer_brier": "Brier score of the answer as it is, read as a probability",
    "answer_ece": "expected calibration error of the answer as it is, read as a probability",
    "platt_brier": "Brier score of the implied probability after Platt scaling",
    "platt_ece": "expected calibration error of the implied probability after Platt scaling",
    "validation_loss": "loss on validation labels, weighted as in training",
    "mass": "share of the cases in the bin",
    "stated": "mean stated probability in the bin",
    "true": "mean true probability in the bin",
    # decisions
    "cost": "expected cost of the calls per case, in false alarms (a cheap miss with four classes)",
    "value": "value of the calls: 1 the truth's (no error on real data), 0 the best constant's",
    "cost_raw": "as cost, of the implied probability without any repair",
    "value_raw": "as value, of the implied probability without any repair",
    "disagreement": "share of cases on which two ways of choosing call differently",
    "weighted_disagreement": "the same for a weighted network: answer at 1/2, implied at 1/(1 + r)",
    "plain_disagreement": "the same for a plain network: adjusted at 1/2, stated at 1/(1 + r)",
    "unadjusted_disagreement": "the same for a plain network: stated at 1/2, stated at 1/(1 + r)",
    # what was learned
    "probe": "share of finer labels that a linear read-out of the frozen features gets right",
    "refit_auroc": "AUROC of a new last layer, fitted with the plain loss on the frozen features",
    "refit_value": "value of its calls after Platt scaling",
    "effective_rank": "effective number of dimensions of the frozen features",
    # theory
    "gradient_deviation": "largest relative deviation of an example's gradient from the factor",
    "factor": "predicted factor on the expected gradient at the best constant answer",
    "log_factor": "logarithm of that factor",
}
