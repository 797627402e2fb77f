"""What the columns mean that many experiments share; each adds its own in its ``columns.py``."""

COLUMNS = {
    "seed": "the unit: everything random in the row was drawn from this seed",
    "arm": "what was trained, and on which signal",
    "step": "training steps taken",
    "accuracy": "share of answers that are right",
    "confidence": "mean confidence, a probability",
    "over_confidence": "mean confidence minus share right",
    "ece": "expected calibration error",
    "brier": "Brier score, 0 best",
    "log_score": "mean log score (negative log-likelihood), nats",
    "auroc": "probability that a right answer has more confidence than a wrong one",
    "bin": "number of the confidence bin, from 0",
    "count": "cases in the bin",
    "frequency": "share of the bin's cases that came true",
}
