"""Numbers in prose: results quoted by key, and constants chosen by design.

The role ``measured`` quotes a judged statement, field by field::

    {measured}`binary-reward/brier-restores-calibration:effect`

=======================  ======================================================================
(none), ``effect``       the effect with its interval, ``0.312 [0.298, 0.327]``
``estimate``             the effect alone
``interval``             the interval alone, ``[0.298, 0.327]``
``verdict``              *supported*, *refuted* or *inconclusive*, and Holm's where it differs
``reason``               why not supported
``threshold``            the threshold, margin or tolerance
``units``                how many units, ``32 seeds``
``share``                the share of units with the sign of the effect
``p``                    the p-value
``holm``                 the verdict after Holm's adjustment over the experiment's statements
``smallest-detectable``  the smallest true effect that would be shown with 80% power
=======================  ======================================================================

It also quotes what an experiment's ``statements.py`` lists in ``QUANTITIES``, a mapping of keys to
a `calibration_lab.statements.measured.Value`, to a pair of one and a unit (``%``, ``nats``), or to
these and the bounds that its values cannot leave: its mean over units with the interval, or
``estimate``, ``interval`` or ``units``. With the unit ``%`` values and bounds are shown times a
hundred. A key or field that does not exist is a warning, which fails the build.

The role ``given`` marks a constant that was chosen, not found: ``{given}`0.05```. The tests forbid
decimals in prose elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from calibration_lab.figures.drawing import decimals, declared, number, with_interval
from calibration_lab.site import store
from calibration_lab.site.wording import worded
from calibration_lab.uncertainty import mean_interval

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from calibration_lab.statements import Judgement
    from calibration_lab.uncertainty.confidence_limits import Interval


def _plural(count: int, unit: str) -> str:
    return f"{count}\N{NO-BREAK SPACE}{unit}{'' if count == 1 else 's'}"


def _limits(found: Interval | None) -> str:
    if found is None:
        return "exact, without an interval"
    return _unbroken(with_interval(found.estimate, found.low, found.high)).partition(" ")[2]


def _unbroken(text: str) -> str:
    """Let a line break before an interval, but not within it."""
    return text.replace(", ", ",\N{NO-BREAK SPACE}")


def effect_text(judgement: Judgement) -> str:
    """Write a judgement's effect with its interval, where it has one."""
    found = judgement.interval
    if found is None:
        return number(judgement.effect)
    return _unbroken(with_interval(judgement.effect, found.low, found.high))


def detectable_text(judgement: Judgement) -> str:
    """Write the smallest detectable effect, to two significant digits."""
    smallest = judgement.smallest_detectable
    if not math.isfinite(smallest) or smallest == 0:
        return number(smallest)
    return number(smallest, decimals(width=abs(smallest)))


def p_text(value: float) -> str:
    """Write a p-value, very small ones as a bound.

    Examples
    --------
    >>> p_text(0.0312), p_text(1e-9), p_text(float("nan"))
    ('0.031', '< 0.001', 'undefined')
    """
    if value != value:
        return "undefined"
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


FIELDS: dict[str, Callable[[Judgement], str]] = {
    "effect": effect_text,
    "estimate": lambda j: (
        number(j.effect) if j.interval is None else effect_text(j).partition(" ")[0]
    ),
    "interval": lambda j: _limits(j.interval),
    "verdict": lambda j: j.verdict,
    "reason": lambda j: worded(j.reason) or "supported",
    "threshold": lambda j: declared(j.threshold),
    "units": lambda j: _plural(j.units, j.unit),
    "share": lambda j: (
        "undefined"
        if j.share is None
        else with_interval(j.share.estimate, j.share.low, j.share.high)
    ),
    "p": lambda j: p_text(j.p_value),
    "holm": lambda j: store.holm((store.headline_of(j.key),))[j.key],
    "smallest-detectable": detectable_text,
}


@cache
def quantity(key: str) -> tuple[Interval, int, str]:
    """Estimate a declared quantity: its mean over units with interval, their number, its unit.

    Raises
    ------
    MissingError
        If the experiment declares no quantity with this key.
    """
    name = store.headline_of(key)
    declared = getattr(store.beside(name, "statements"), "QUANTITIES", {})
    if key not in declared:
        raise store.missing("quantity", key, declared)
    told = declared[key]
    value, unit, bounds = (*told, None)[:3] if isinstance(told, tuple) else (told, "", None)
    values = value.values(store.result(store.experiment_of(key)).tables, "seed")
    scale = 100 if unit == "%" else 1
    if bounds is not None:
        bounds = (bounds[0] * scale, bounds[1] * scale)
    return mean_interval(values.to_numpy() * scale, bounds=bounds), len(values), unit


def _quantity_text(key: str, field: str) -> str:
    found, count, unit = quantity(key)
    both = _unbroken(with_interval(found.estimate, found.low, found.high))
    texts = {
        "effect": both,
        "estimate": both.partition(" ")[0],
        "interval": both.partition(" ")[2],
        "units": _plural(count, "seed"),
    }
    if field not in texts:
        raise store.missing("field of a quantity", field, texts)
    if field == "units" or not unit:
        return texts[field]
    mark = "%" if unit == "%" else f"\N{NO-BREAK SPACE}{unit}"
    estimate, _, limits = texts[field].partition(" ")
    return f"{estimate}{mark} {limits}".rstrip()


def quoted(text: str) -> str:
    """Write what ``measured`` quotes.

    Parameters
    ----------
    text : str
        Key of a statement or a quantity, and after a colon the field; without one, ``effect``.

    Raises
    ------
    MissingError
        If there is no such key or field.
    """
    key, _, field = text.partition(":")
    field = field or "effect"
    name = store.headline_of(key)
    judged = store.judgements(name)
    if key in judged:
        if field not in FIELDS:
            raise store.missing("field of a statement", field, FIELDS)
        return FIELDS[field](judged[key])
    declared = getattr(store.beside(name, "statements"), "QUANTITIES", {})
    if key in declared:
        return _quantity_text(key, field)
    raise store.missing("statement or quantity", key, [*judged, *declared])


class MeasuredRole(SphinxRole):
    """The ``measured`` role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Print the quoted value; a verdict carries its class, for the icon."""
        try:
            store.note_experiment(self.env, self.text)
            shown = quoted(self.text)
        except store.MissingError as problem:
            store.warn(str(problem), self.get_location())
            return [nodes.strong("", f"[missing: {self.text}]")], []
        classes = ["measured"]
        if self.text.endswith((":verdict", ":holm")):
            classes += ["verdict", f"verdict-{shown}"]
        printed: list[nodes.Node] = [nodes.inline("", shown, classes=classes)]
        if self.text.endswith(":verdict"):
            adjusted = quoted(self.text.removesuffix("verdict") + "holm")
            if adjusted != shown:
                printed.append(nodes.Text(f" (after Holm: {adjusted})"))
        return printed, []


class GivenRole(SphinxRole):
    """The ``given`` role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Print the constant as typed."""
        return [nodes.inline("", self.text, classes=["given"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_role("measured", MeasuredRole())
    app.add_role("given", GivenRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
