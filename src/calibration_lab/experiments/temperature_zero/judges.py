"""The items, the judges, and the exact probability with which each judge says yes.

An item asks for a yes or a no.  The evidence about it has known log-odds of yes; a judge turns them
into its own log-odds, and a temperature turns those into draws.  So the truth about an item, the
judge's probability, and everything that a thousand repetitions could show are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from calibration_lab import batched

Floats = NDArray[np.float64]
ALL = slice(None)


@dataclass(frozen=True)
class Items:
    """Items with their evidence and the truth.

    Attributes
    ----------
    odds : array of shape (n,)
        Log-odds of "yes is right" given the evidence: what a perfect judge would know.
    label : array of shape (n,)
        1.0 where yes is right, drawn with those odds.
    feature : array of shape (n,)
        Something that has nothing to do with the truth, such as the length of a text; N(0, 1).
    trap : array of shape (n,)
        Uniform numbers; a judge misled on a share s of items reads those below s backwards.
    misreading : array of shape (n,)
        Error in reading the item that every phrasing of the question shares; N(0, 1).
    phrasing : array of shape (n, M)
        Error that each of M phrasings of the question adds of its own; N(0, 1).
    """

    odds: Floats
    label: Floats
    feature: Floats
    trap: Floats
    misreading: Floats
    phrasing: Floats


def make_items(seed: int, purpose: str, n: int, evidence: float, phrasings: int) -> Items:
    """Draw ``n`` items of one seed; ``evidence`` is the distance between yes and no in noise s.d.

    The evidence is N(±evidence / 2, 1) with both signs equally likely, so its log-odds are
    ``evidence`` times its value (Bayes' rule for two normal densities).
    """

    def drawn(what: str, kind: str, *shape: int) -> Floats:
        return batched.draw([seed], f"{purpose}: {what}", kind, (n, *shape))[0].double().numpy()

    label = (drawn("label", "uniform") < 0.5).astype(float)
    seen = (label - 0.5) * evidence + drawn("evidence", "normal")
    return Items(
        odds=evidence * seen,
        label=label,
        feature=drawn("feature", "normal"),
        trap=drawn("trap", "uniform"),
        misreading=drawn("misreading", "normal"),
        phrasing=drawn("phrasing", "normal", phrasings),
    )


@dataclass(frozen=True)
class Judge:
    """How a judge's log-odds of yes follow from an item; all sizes are in log-odds.

    Attributes
    ----------
    sharpness : float
        Multiplies the true log-odds. At 1 the judge's probability is right, above 1 it is too
        extreme, near 0 the judge hardly tells items apart.
    taste : float
        Weight of the irrelevant feature: a bias that every repetition shares.
    offset : float
        The same for all items: leniency.
    misled : float
        Share of items whose evidence is read backwards.
    misreading, phrasing : float
        Standard deviations of the errors in reading an item that all phrasings share, and that each
        phrasing has of its own; they are multiplied by the sharpness too.
    """

    sharpness: float = 1.0
    taste: float = 0.0
    offset: float = 0.0
    misled: float = 0.0
    misreading: float = 0.0
    phrasing: float = 0.0

    def odds(self, items: Items, phrasing: int | slice = 0) -> Floats:
        """Log-odds of yes at temperature 1, (n,) for one phrasing or (n, M) for several."""
        sign = np.where(items.trap < self.misled, -1.0, 1.0)
        shared = sign * items.odds + self.misreading * items.misreading
        own = self.phrasing * items.phrasing[:, phrasing]
        tilt = self.taste * items.feature + self.offset
        if own.ndim == 2:
            shared, tilt = shared[:, None], tilt[:, None]
        return self.sharpness * (shared + own) + tilt


def probability(odds: Floats, temperature: float) -> Floats:
    """Probability of yes at a temperature; at 0 the more probable answer, and no on a tie."""
    return expit(odds / temperature) if temperature else (odds > 0).astype(float)


JUDGES = {
    "careful": Judge(),
    "faint": Judge(sharpness=0.16),  # hardly tells items apart: one answer is worth little
    "swayed": Judge(taste=4.0),  # follows the irrelevant feature as well
    "lenient": Judge(offset=3.0),
    "misled": Judge(misled=0.6),
    "faint-misled": Judge(sharpness=0.16, misled=0.6),
    "reversed": Judge(misled=1.0),
    "coin": Judge(sharpness=0.0),
    "constant": Judge(sharpness=0.0, offset=1e4),  # says yes to everything, at any temperature
}

# for self-consistency: what each judge's repetitions and phrasings can and cannot reveal
CONFIDENT = {
    "honest": Judge(),
    "sharp": Judge(sharpness=2.0),
    "sensitive": Judge(sharpness=2.0, phrasing=2.0),
    "stubborn": Judge(sharpness=2.0, misreading=2.0),
}
