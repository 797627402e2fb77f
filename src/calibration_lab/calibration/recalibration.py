"""Repairing calibration after training: temperature, Platt scaling, isotonic regression.

Apart from `calibration` because it fits maps instead of measuring. Fit on rows that the evaluation
does not use. Platt and isotonic are scikit-learn's estimators behind one calling convention;
temperature is our own, because the usual recipes stop early or stop silently where there is no
optimum to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit, log_softmax, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from calibration_lab.calibration.forecasts import FloatArray, check_forecasts, check_weight

_BRACKET = np.arange(0.0, 601.0, 2.0)  # |log T| in units of the largest spread of a row's logits


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature; call it with logits to get probabilities.

    Attributes
    ----------
    value : float
        T > 0. Without a finite optimum: 0 or infinity, the limit in which the loss keeps falling,
        or nan if every T fits equally well.
    status : "optimum", "separable", "uninformative" or "flat"
        "separable": the largest logit is always the label, and the loss falls until T = 0.
        "uninformative": logits point away from the labels on average, and it falls until T = inf.
        "flat": the logits of each row are equal, so T has no effect.
    log_loss : float
        Mean negative log-likelihood at T (its limit, if there is no finite optimum), in nats.
    """

    value: float
    status: Literal["optimum", "separable", "uninformative", "flat"]
    log_loss: float

    @property
    def finite(self) -> bool:
        """Whether a finite positive optimum exists."""
        return self.status == "optimum"

    def __call__(self, logits: ArrayLike) -> FloatArray:
        """Return sigmoid(z / T) for logits of shape (n,), softmax(z / T) for shape (n, k).

        Raises
        ------
        ValueError
            If there is no finite optimum, or the logits are not finite.

        Examples
        --------
        >>> Temperature(2.0, "optimum", 0.5)([0.0, 2.0]).round(3)
        array([0.5  , 0.731])
        """
        if not self.finite:
            raise ValueError(f"the temperature has no finite optimum (status {self.status!r})")
        values = _check_logits(logits)
        scaled = values / self.value
        return np.asarray(expit(scaled) if values.ndim == 1 else softmax(scaled, axis=1))


def _check_logits(logits: ArrayLike) -> FloatArray:
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim not in (1, 2) or values.size == 0 or (values.ndim == 2 and values.shape[1] < 2):
        raise ValueError(f"logits must have shape (n,) or (n, k), k >= 2; got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("logits must be finite; got nan or infinity")
    return values


def _two_columns(values: FloatArray, outcome: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return (n, k) logits and the (n, k) probability of each label."""
    if values.ndim == 1:  # sigmoid(z) = softmax(z, 0): not (z, -z), which would double T
        checked = check_forecasts(np.zeros(values.size), outcome).outcome
        both = np.column_stack([values, np.zeros_like(values)])
        return both, np.column_stack([checked, 1 - checked])
    label = np.asarray(outcome, dtype=np.float64)
    n, k = values.shape
    if label.shape != (n,):
        raise ValueError(f"outcome must have one label for each of {n} rows; got {label.shape}")
    if not ((label >= 0) & (label < k) & (label == np.floor(label))).all():
        raise ValueError(f"outcome must hold integers in 0 .. {k - 1} for (n, k) logits")
    return values, np.eye(k)[label.astype(np.intp)]


def fit_temperature(
    logits: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> Temperature:
    """Return the temperature T that minimises the log loss of softmax(z / T).

    The loss is convex in 1 / T, so its derivative there, mean of E[z] - z_label under softmax(z/T),
    rises from its value at T = inf to its value at T = 0. An optimum exists iff these two differ in
    sign; both limits are known exactly, the root is bracketed on log T and found by Brent's method.

    Parameters
    ----------
    logits : array of shape (n,) or (n, k)
        Log-odds that the outcome is 1, or class logits. Finite.
    outcome : array of shape (n,)
        For (n,) logits 0 or 1, or the known probability of 1; for (n, k) integers in 0 .. k - 1.
    weight : array of shape (n,), optional
        How often each row counts.

    Returns
    -------
    Temperature
        T > 1 softens over-confident forecasts, T < 1 sharpens. Its ``status`` says when there is no
        finite optimum, in particular when the data are separable.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Guo et al. (2017), ICML, section 4.2; the criterion is theirs, the search is not.

    Examples
    --------
    >>> fit = fit_temperature([4.0, 4.0, 4.0, 4.0], [1, 1, 1, 0])  # wants log-odds ln 3
    >>> round(fit.value, 4), round(float(4 / np.log(3)), 4)
    (3.641, 3.641)
    >>> fit_temperature([3.0, -3.0], [1, 0]).status
    'separable'
    """
    values, target = _two_columns(_check_logits(logits), outcome)
    rows = np.ones(len(values)) if weight is None else check_weight(weight, len(values))
    share = rows / rows.sum()
    spread = float(np.ptp(values, axis=1).max(where=share > 0, initial=0.0))
    if spread == 0:
        return Temperature(np.nan, "flat", float(np.log(values.shape[1])))
    # Invariant to a shift of each row; the scale keeps the search near 0 on the log axis.
    centred = (values - values.max(axis=1, keepdims=True)) / spread
    label_logit = (target * centred).sum(axis=1)

    def loss(inverse: float) -> float:
        return -float(share @ (target * log_softmax(centred * inverse, axis=1)).sum(axis=1))

    def slope(log_inverse: float) -> float:
        expected = softmax(centred * np.exp(log_inverse), axis=1) * centred
        return float(share @ (expected.sum(axis=1) - label_logit))

    if share @ (centred.mean(axis=1) - label_logit) >= 0:
        return Temperature(np.inf, "uninformative", float(np.log(values.shape[1])))
    if not (label_logit[share > 0] < 0).any():  # every label has the largest logit of its row
        winners = (centred == 0).sum(axis=1)
        return Temperature(0.0, "separable", float(share @ np.log(winners)))
    # Slopes within a rounding error of 0 may never change sign: the bracket stops at T = e**+-600.
    low = next((x for x in -_BRACKET if slope(x) <= 0), None)
    high = next((x for x in _BRACKET if slope(x) >= 0), None)
    if low is None:
        return Temperature(np.inf, "uninformative", float(np.log(values.shape[1])))
    if high is None:
        return Temperature(0.0, "separable", loss(float(np.exp(_BRACKET[-1]))))
    log_inverse = brentq(slope, low, high, xtol=1e-13) if low < high else low
    inverse = float(np.exp(log_inverse))
    return Temperature(spread / inverse, "optimum", loss(inverse))


@dataclass(frozen=True)
class Recalibrator:
    """A fitted monotone map from scores to probabilities; call it with scores of shape (n,)."""

    method: Literal["isotonic", "platt"]
    estimator: Any

    def __call__(self, score: ArrayLike) -> FloatArray:
        """Return the recalibrated probabilities, shape (n,), in [0, 1]."""
        values = _check_scores(score)
        if self.method == "isotonic":
            return np.asarray(self.estimator.predict(values), dtype=np.float64)
        return np.asarray(self.estimator.predict_proba(values[:, None])[:, 1], dtype=np.float64)


def _check_scores(score: ArrayLike) -> FloatArray:
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"score must be a non-empty vector of finite numbers; got shape {values.shape}"
        )
    return values


def fit_isotonic(
    score: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> Recalibrator:
    """Return scikit-learn's isotonic regression of the outcome on the score.

    Constant beyond the scores seen in fitting. Needs the most data of the three: it can fit any
    rising curve, and gives 0 or 1 at the ends.

    Source: Zadrozny & Elkan (2002), KDD, doi:10.1145/775047.775151.

    Examples
    --------
    >>> fit_isotonic([0.1, 0.4, 0.4, 0.9], [0, 1, 0, 1])([0.0, 0.4, 1.0])
    array([0. , 0.5, 1. ])
    """
    values = _check_scores(score)
    _, happened, counts, _ = check_forecasts(np.zeros(values.size), outcome, weight)
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return Recalibrator("isotonic", model.fit(values, happened, sample_weight=counts))


def fit_platt(
    score: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> Recalibrator:
    """Return Platt scaling, sigmoid(a s + b), as scikit-learn's unpenalised logistic regression.

    The targets are Platt's: (N1 + 1) / (N1 + 2) for a positive and 1 / (N0 + 2) for a negative row,
    which keeps a and b finite on separable data. Pass log-odds, not probabilities, as scores if the
    model has them.

    Source: Platt (1999), Advances in Large Margin Classifiers, eqs. (4) and (5).

    Examples
    --------
    >>> fit_platt([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])([-9.0, 0.0, 9.0]).round(2)
    array([0. , 0.5, 1.  ])
    """
    values = _check_scores(score)
    _, happened, counts, _ = check_forecasts(np.zeros(values.size), outcome, weight)
    rows = np.ones(values.size) if counts is None else counts
    positive, negative = rows @ happened, rows @ (1 - happened)
    target = happened * (positive + 1) / (positive + 2) + (1 - happened) / (negative + 2)
    # Logistic regression takes hard labels only: each row enters once with either label.
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(
        np.concatenate([values, values])[:, None],
        np.repeat([1, 0], values.size),
        sample_weight=np.concatenate([rows * target, rows * (1 - target)]),
    )
    return Recalibrator("platt", model)
