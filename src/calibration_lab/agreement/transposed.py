"""The transposed layout: repetitions as the rows, questions as the columns.

The released code of Schroeder & Wood-Doughty (arXiv:2412.12509, repository
kaylaschroeder/llm_reliability) lays its data out so.  When repetitions are independent, two
questions have no correlation across repetitions, and a reliability of such a table measures
nothing.  That code takes the absolute value of every correlation, which turns noise into a positive
number, and counts a question that is always answered alike as a reliability of 1.

This is our own implementation of that idea: one factor, fitted by minimum residuals, because a
matrix of absolute correlations need not be one that data can have, and then has no likelihood.  The
released code calls a package that fits three group factors, also by minimum residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import gammaln

from calibration_lab.agreement.classical import spearman_brown
from calibration_lab.agreement.ratings import Floats, checked_ratings, spread


@dataclass(frozen=True)
class Transposed:
    """The transposed statistic and what it is made of.

    Attributes
    ----------
    value : float
        Mean of ``of_varying`` and of 1 for each constant question, weighted by questions.
    of_varying : float
        Omega of the questions whose answers vary, from absolute correlations; nan if undefined.
    varying, constant : int
        How many questions vary over repetitions, and how many do not.
    """

    value: float
    of_varying: float
    varying: int
    constant: int


def transposed_omega(answers: ArrayLike, *, absolute: bool = True) -> Transposed:
    """Omega with repetitions as rows and questions as columns, as one published code lays it out.

    Parameters
    ----------
    answers : array of shape (Q, K)
        Answers in numbers; questions in rows and repetitions in columns, **as everywhere in this
        package**: the function does the transposing.
    absolute : bool
        Take the absolute value of correlations, as that code does. Without, negative correlations
        count as they are.

    Returns
    -------
    Transposed
        If no question varies, 1 by that code's explicit branch. With one or two varying questions
        a factor is not identified: one counts nothing (its omega is undefined, and so is the
        value), two take the Spearman-Brown value of their correlation, 0 if that is negative.

    Raises
    ------
    ValueError
        If answers are not finite, or less than two questions or repetitions.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.integers(1, 6, (25, 100))  # 25 questions, 100 independent random answers
    >>> round(transposed_omega(noise).value, 1), round(predicted_transposed(25, 100), 1)
    (0.7, 0.7)
    >>> transposed_omega(np.ones((25, 100))).value
    1.0
    """
    x = checked_ratings(answers).T  # (K, Q)
    keep = spread(x) > 0
    varying = int(keep.sum())
    constant = len(keep) - varying
    if varying == 0:
        return Transposed(1.0, np.nan, 0, constant)
    omega = np.nan
    if varying > 1:
        correlation = np.atleast_2d(np.corrcoef(x[:, keep], rowvar=False))
        correlation = np.abs(correlation) if absolute else correlation
        if varying == 2:
            omega = float(spearman_brown(max(min(correlation[0, 1], 1.0), 0.0), 2))
        else:
            loadings = least_residuals(correlation)
            explained = float(loadings.sum()) ** 2
            omega = explained / (explained + float((1 - loadings**2).sum()))
    return Transposed((varying * omega + constant) / len(keep), omega, varying, constant)


def least_residuals(correlation: Floats) -> Floats:
    """Loadings (K,) of one factor, in [-1, 1], that reproduce the correlations best.

    They minimise the squared residuals off the diagonal ("minres": Harman & Jones 1966).
    """
    target = correlation - np.diag(np.diag(correlation))

    def residual(loadings: Floats) -> tuple[float, Floats]:
        misfit = np.outer(loadings, loadings) - np.diag(loadings**2) - target
        return float((misfit**2).sum()), 4 * misfit @ loadings

    size = len(target)
    mean = target.sum(axis=1) / (size - 1)
    start = np.sign(mean) * np.sqrt(np.abs(mean)).clip(0.05, 1.0)
    fit = minimize(
        residual, start, jac=True, method="L-BFGS-B", bounds=[(-1.0, 1.0)] * size,
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-6},
    )  # fmt: skip
    return np.asarray(fit.x)


def expected_absolute_correlation(repetitions: int) -> float:
    """Mean of |r| between two independent normal samples of this size, 3 or more.

    Gamma((n - 1) / 2) / (sqrt(pi) Gamma(n / 2)), because r² is then Beta(1/2, n/2 - 1): near
    sqrt(2 / (pi n)), and never 0.

    Raises ValueError with fewer than 3 repetitions.

    References
    ----------
    Fisher (1915), Frequency distribution of the values of the correlation coefficient, Biometrika
    10, for the distribution of r.

    Examples
    --------
    >>> expected_absolute_correlation(100)
    0.0804
    """
    if repetitions < 3:
        raise ValueError(f"repetitions must be 3 or more; got {repetitions}")
    log_ratio = gammaln((repetitions - 1) / 2) - gammaln(repetitions / 2)
    return float(np.exp(log_ratio) / np.sqrt(np.pi))


def predicted_transposed(varying: int, repetitions: int, constant: int = 0) -> float:
    """What the transposed statistic says of pure noise, from the size of the table alone.

    The Spearman-Brown value of the mean |r| over the varying questions, averaged with 1 for each
    constant one.

    Parameters
    ----------
    varying, constant : int
        Questions whose answers vary and do not, 0 or more, not both 0.
    repetitions : int
        3 or more.

    Raises
    ------
    ValueError
        If a number is below its least value.

    Examples
    --------
    >>> round(predicted_transposed(25, 100), 3), round(predicted_transposed(8, 100), 3)
    (0.686, 0.412)
    """
    if varying < 0 or constant < 0 or varying + constant < 1:
        raise ValueError(f"need one question or more; got {varying} varying, {constant} constant")
    mean = expected_absolute_correlation(repetitions)
    of_varying = float(spearman_brown(mean, varying)) if varying else 0.0
    return (varying * of_varying + constant) / (varying + constant)
