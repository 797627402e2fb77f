"""McDonald's omega from a one-factor model fitted by maximum likelihood.

The model: column i of a row is m_i + l_i F + e_i, with F of variance 1 and independent errors of
variance t_i.  Its maximum is sought over the error variances alone, since given those the best
loadings are an eigenvector (Jöreskog 1967).  The likelihood does not care in which units a column
is, so one fit of the correlation matrix serves both metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.optimize import minimize

from calibration_lab.agreement.ratings import Floats, checked_ratings, spread

Metric = Literal["covariance", "correlation"]
State = Literal["estimated", "boundary", "no error", "undefined"]
FLOOR = 1e-6  # smallest error variance, as a share of the column's variance
EQUAL = 1e-9  # columns correlated this close to 1 determine each other


@dataclass(frozen=True)
class Omega:
    """McDonald's omega with the one-factor model that it was computed from.

    Attributes
    ----------
    value : float
        Share of the variance of the sum that the factor explains, in [0, 1]; nan if undefined.
    state : {"estimated", "boundary", "no error", "undefined"}
        "boundary" is a Heywood case: an error variance ended at its lower bound, so the value is
        the constrained maximum and not to be trusted. "no error": all columns say the same, so 1
        by construction, whatever they say.
    reason : str
        Why the state is not "estimated"; "" if it is.
    metric : {"covariance", "correlation"}
        Whether the sum is of the columns as they are, or of standardised ones.
    loadings, errors : arrays of shape (K,)
        Loadings and error variances in that metric; nan if undefined.
    """

    value: float
    state: State
    reason: str
    metric: Metric
    loadings: Floats
    errors: Floats


def mcdonald_omega(ratings: ArrayLike, metric: Metric = "covariance") -> Omega:
    """McDonald's omega: (sum of loadings)² / ((sum of loadings)² + sum of error variances).

    It is the reliability of the *sum* of the K columns, not of one of them: for repeated
    independent draws it follows Spearman-Brown, see `spearman_brown` and `icc`.

    Parameters
    ----------
    ratings : array of shape (N, K)
        Rows are what is judged, columns repetitions.
    metric : {"covariance", "correlation"}
        Of the sum of the columns as they are (the usual choice for repetitions, which have one
        unit), or of the columns standardised.

    Returns
    -------
    Omega
        Its ``value`` is always in [0, 1], or nan with the reason:

        - every column constant, or the sum constant: undefined (0 / 0);
        - all columns equal, up to shift and scale: 1 by construction;
        - some, not all, columns determine each other: undefined, the likelihood has no maximum;
        - a constant column among others: of the covariance metric it adds nothing to either sum
          and is left out; of the correlation metric it makes omega undefined;
        - fewer than 3 varying columns: undefined, loadings are not identified (use
          `cronbach_alpha`);
        - rows not more than columns: undefined, the covariance matrix is singular and the estimate
          worthless there (use `icc` and `spearman_brown`).

    Raises
    ------
    ValueError
        If ratings are not finite, or less than two rows or columns, or the metric is unknown.

    References
    ----------
    McDonald (1999), Test Theory, eq. (6.20). Jöreskog (1967), Some contributions to maximum
    likelihood factor analysis, Psychometrika 32.

    Examples
    --------
    >>> same = mcdonald_omega([[0, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0]])
    >>> same.value, same.state
    (1.0, 'no error')
    >>> mcdonald_omega([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]).reason
    'every column is constant'
    """
    if metric not in ("covariance", "correlation"):
        raise ValueError(f"metric must be 'covariance' or 'correlation'; got {metric!r}")
    x = checked_ratings(ratings)
    scale = spread(x)
    keep = scale > 0
    columns = int(keep.sum())

    def undefined(reason: str) -> Omega:
        nothing = np.full(x.shape[1], np.nan)
        return Omega(np.nan, "undefined", reason, metric, nothing, nothing)

    def found(loadings: Floats, errors: Floats, state: State, reason: str) -> Omega:
        """Put the fit of the standardised, varying columns into the metric."""
        unit = scale if metric == "covariance" else np.ones(len(scale))
        all_loadings, all_errors = np.zeros(len(scale)), np.zeros(len(scale))
        all_loadings[keep], all_errors[keep] = loadings * unit[keep], errors * unit[keep] ** 2
        explained, unexplained = float(all_loadings.sum()) ** 2, float(all_errors.sum())
        if explained + unexplained <= EQUAL * float((unit[keep] ** 2).sum()):
            return undefined("the sum of the columns is constant")
        return Omega(
            explained / (explained + unexplained), state, reason, metric, all_loadings, all_errors
        )

    if columns == 0:
        return undefined("every column is constant")
    if metric == "correlation" and columns < len(scale):
        return undefined("a column is constant: it has no correlation with the others")
    if columns == 1:
        return undefined("only one column varies")
    correlation = np.atleast_2d(np.corrcoef(x[:, keep], rowvar=False))
    twins = np.abs(correlation) > 1 - EQUAL
    if twins.all():
        return found(correlation[0], np.zeros(columns), "no error", "all columns say the same")
    if columns < 3:
        return undefined("fewer than three varying columns do not identify the loadings")
    if len(x) <= columns:
        return undefined("rows must outnumber the varying columns")
    if np.triu(twins, 1).any():
        return undefined("some columns determine each other: the likelihood has no maximum")
    loadings, errors = fit_one_factor(correlation)
    if errors.min() <= FLOOR * (1 + 1e-6):
        reason = "an error variance ended at its lower bound (a Heywood case)"
        return found(loadings, errors, "boundary", reason)
    return found(loadings, errors, "estimated", "")


def fit_one_factor(correlation: Floats) -> tuple[Floats, Floats]:
    """Maximum-likelihood loadings (K,) and error variances (K,) of a correlation matrix.

    The sign of the loadings is that of their sum; error variances are at least `FLOOR`.
    """
    # the start of Jöreskog (1967), section 6: half of what the other columns leave unexplained
    start = 0.5 / np.diag(np.linalg.pinv(correlation)).clip(1.0)
    fit = minimize(
        _concentrated,
        np.log(start.clip(0.01, 1.0)),
        args=(correlation,),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(FLOOR), np.log(2.0))] * len(start),
        options={"maxiter": 2000, "maxfun": 5000, "ftol": 1e-13, "gtol": 1e-6, "maxcor": 30},
    )
    errors = np.exp(fit.x)
    loadings, _ = _loadings(errors, correlation)
    return loadings * (1.0 if loadings.sum() >= 0 else -1.0), errors


def _loadings(errors: Floats, correlation: Floats) -> tuple[Floats, float]:
    """Best loadings given error variances, and the largest scaled eigenvalue."""
    root = np.sqrt(errors)
    last = len(root) - 1
    value, vector = eigh(correlation / np.outer(root, root), subset_by_index=(last, last))
    return root * vector[:, 0] * np.sqrt(max(value[0] - 1, 0.0)), float(value[0])


def _concentrated(log_errors: Floats, correlation: Floats) -> tuple[float, Floats]:
    """-2 / N log-likelihood at the best loadings, and its gradient in the log error variances."""
    errors = np.exp(log_errors)
    loadings, largest = _loadings(errors, correlation)
    largest = max(largest, 1.0)
    misfit = (log_errors + 1 / errors).sum() + np.log(largest) + 1 - largest
    return float(misfit), (loadings**2 + errors - 1) / errors
