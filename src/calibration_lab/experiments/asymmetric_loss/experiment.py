"""Asymmetric losses: does weighting the loss by what errors cost weaken what is learned?

Missing a positive costs r, a false alarm 1.  One network is trained with a loss weighted r to 1,
another with the plain loss and told about the costs afterwards.  Choosing is algebra, so any gap
between the two is learning.  The run looks for it where the budget of steps is fixed (over priors
and cost ratios), where learning has an explicit cost, and where both may train until they stop.

The file reads in the order of the experiment.  World and algebra stand in ``world.py``, arms and
training in ``training.py``, what is measured in ``measures.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from calibration_lab.experiments.asymmetric_loss import checks, measures
from calibration_lab.experiments.asymmetric_loss.looking import Data
from calibration_lab.experiments.asymmetric_loss.training import (
    Arm,
    Perceptron,
    Schedule,
    each,
)

__all__ = ["Config", "run"]

Rows = list[dict[str, object]]
Tables = dict[str, Rows]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    inputs: int = 16  # features, of which three decide
    hidden: tuple[int, ...] = (32, 32)  # units of each hidden layer
    train: int = 2048  # training cases
    validation: int = 1024  # labelled cases for stopping, tuning and repairs
    test: int = 1024  # cases that everything is judged on, by their known probability
    batch: int = 64  # cases per step
    priors: tuple[float, ...] = (0.1, 0.16, 0.24, 0.32, 0.4, 0.5, 0.65)  # shares of positives
    ratios: tuple[float, ...] = (3.0, 10.0, 30.0)  # costs of a miss, in false alarms
    ratio: float = 10.0  # the cost ratio outside the grid
    pair: tuple[float, float] = (0.1, 0.5)  # priors below and above the neutral one, off the grid
    sgd_rate: float = 0.3
    grid_looks: tuple[int, ...] = (80, 120, 200)  # steps; the law is judged at law_step
    law_step: int = 120  # in the rise: the plain loss has learned about half of what it will
    adam_rate: float = 1e-3
    decays: tuple[float, ...] = (0.0, 0.004, 0.006, 0.01, 0.016, 0.024)  # L2, cost of learning
    decay: float = 0.016  # the fixed one, where at either prior one loss learns and one does not
    decay_rate: float = 3e-3  # Adam
    decay_looks: tuple[int, ...] = (300, 600, 900)  # the last two agree: a steady state
    free_looks: tuple[int, ...] = (50, 100, 150, 200, 300, 400, 500, 600, 750, 900, 1050, 1200)
    early: int = 300  # steps at which the intercept's travel is looked at
    linear_train: int = 16384  # cases of the linear world: much data for three numbers
    linear_batch: int = 256
    linear_steps: int = 1000
    linear_rate: float = 3e-3  # Adam

    def __post_init__(self) -> None:
        for name in ("inputs", "train", "validation", "test", "batch", "linear_train",
                     "linear_batch"):  # fmt: skip
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if any(width < 16 or width % 16 for width in self.hidden):
            raise ValueError(f"hidden must hold multiples of 16, got {self.hidden}")
        if not self.batch <= self.train:
            raise ValueError(f"batch must be at most train ({self.train}), got {self.batch}")
        if not self.linear_batch <= self.linear_train:
            raise ValueError(
                f"linear_batch must be at most linear_train ({self.linear_train}), "
                f"got {self.linear_batch}"
            )
        for name in ("priors", "pair"):
            if not getattr(self, name) or not all(0 < p < 1 for p in getattr(self, name)):
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        if not all(1 < r < math.inf for r in (*self.ratios, self.ratio)):
            raise ValueError(f"ratios must exceed 1, got {(*self.ratios, self.ratio)}")
        if self.decay not in self.decays or min(self.decays) < 0:
            raise ValueError(f"decay must be one of decays, all 0 or more, got {self.decay}")
        for name, looks in (("law_step", "grid_looks"), ("early", "free_looks")):
            if getattr(self, name) not in getattr(self, looks):
                raise ValueError(f"{name} must be one of {looks}, got {getattr(self, name)}")
        for name in ("grid_looks", "decay_looks", "free_looks"):
            looks = getattr(self, name)
            if list(looks) != sorted(set(looks)) or looks[0] < 1:
                raise ValueError(f"{name} must rise from 1 or more, got {looks}")
        for name in ("sgd_rate", "adam_rate", "decay_rate", "linear_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")


# --- A fixed budget of steps: priors and cost ratios ---------------------------------------------


def grid_arms(config: Config, optimiser: str) -> list[Arm]:
    """Plain loss and each cost ratio; for SGD also with the loss scaled as the plain one."""
    arms = []
    for prior in config.priors:
        plain = Arm(prior=prior, optimiser=optimiser)
        weighted = [replace(plain, ratio=r) for r in config.ratios]
        arms += [plain, *weighted]
        if optimiser == "sgd":
            arms += [replace(arm, scaled_as=1.0) for arm in (plain, *weighted)]
    return arms


def fixed_budget(config: Config, data: Data) -> Tables:
    """AUROC of every arm of the grid, and the plain loss's lead; more where it is judged."""
    tables: Tables = {"grid": [], "scale_free": [], "budget": [], "algebra": []}
    for optimiser, rate in (("sgd", config.sgd_rate), ("adam", config.adam_rate)):
        arms = grid_arms(config, optimiser)
        schedule = Schedule(config.batch, rate, config.grid_looks)
        for step, networks in data.trained(arms, schedule).items():
            judged = (optimiser, step) == ("sgd", config.law_step)
            if judged:
                tables["algebra"] = checks.algebra(data, networks, arms)
            plain: dict[tuple[int, float], float] = {}
            for model, place, arm in each(networks, arms):
                auroc = data.auroc(networks, model, arm)
                lead = plain.setdefault((place, arm.prior), auroc) - auroc  # plain comes first
                unit: dict[str, object] = {
                    "seed": data.seeds[place], "prior": arm.prior, "ratio": arm.ratio
                }  # fmt: skip
                row = {**unit, "step": step, "auroc": auroc, "gap": lead}
                if optimiser == "adam" or arm.scaled_as is not None:
                    how = "adam" if optimiser == "adam" else "scaled"
                    tables["scale_free"].append({"how": how, **row})
                    continue
                tables["grid"].append(row)
                if judged and arm.prior in config.pair and arm.ratio in (1.0, config.ratio):
                    one = data.examined(networks, model, arm, config.ratio)
                    tables["budget"].append({**unit, **full(one)})
    return tables


def unit_of(seed: int, arm: Arm) -> dict[str, object]:
    """What identifies a network within a part of the run."""
    like = arm.ratio if arm.scaled_as is None else arm.scaled_as
    return {"seed": seed, "prior": arm.prior, "ratio": arm.ratio, "scaled_as": like}


def full(one: measures.Examined) -> dict[str, float]:
    """Measures of the answers and of the features."""
    return {**measures.examine(one), **measures.learned(one)}


# --- An explicit cost of learning -----------------------------------------------------------------


def cost_arms(config: Config) -> list[Arm]:
    """Both losses at every cost of learning; at the fixed one each also scaled as the other."""
    arms = []
    for prior in config.pair:
        for decay in config.decays:
            plain = Arm(prior=prior, optimiser="adam", decay=decay)
            weighted = replace(plain, ratio=config.ratio)
            arms += [plain, weighted]
            if decay == config.decay:
                arms += [replace(plain, scaled_as=config.ratio), replace(weighted, scaled_as=1.0)]
    return arms


def learning_at_a_cost(config: Config, data: Data) -> Tables:
    """What both losses learn where squared weights cost, and where each tunes that cost itself."""
    arms, last = cost_arms(config), config.decay_looks[-1]
    schedule = Schedule(config.batch, config.decay_rate, config.decay_looks)
    found = data.trained(arms, schedule)
    tables: Tables = {name: [] for name in ("steady", "cost", "fixed", "tuned")} | posthoc()
    best: dict[tuple[int, float, float], tuple[float, int, Arm]] = {}
    for model, place, arm in each(found[last], arms):
        unit = unit_of(data.seeds[place], arm)
        for step, networks in found.items():
            tables["steady"].append({
                **unit, "decay": arm.decay, "step": step,
                "auroc": data.auroc(networks, model, arm),
            })  # fmt: skip
        one = data.examined(found[last], model, arm, config.ratio)
        tables["cost"].append({**unit, "decay": arm.decay, **measures.examine(one)})
        if arm.decay == config.decay:
            tables["fixed"].append({**unit, **full(one)})
        if arm.decay == min(config.decays):
            repaired(tables, {**unit, "when": "overfit"}, one)
        loss, key = data.validation_loss(found[last], model, arm), (place, arm.prior, arm.ratio)
        if arm.scaled_as is None and loss < best.get(key, (math.inf,))[0]:
            best[key] = loss, model, arm
    for (place, _, _), (_, model, arm) in best.items():
        one = data.examined(found[last], model, arm, config.ratio)
        unit = unit_of(data.seeds[place], arm)
        tables["tuned"].append({**unit, "decay": arm.decay, **full(one)})
    return tables


def posthoc() -> Tables:
    """Empty tables of the post-hoc rules."""
    return {"rules": [], "reliability": []}


def repaired(tables: Tables, unit: dict[str, object], one: measures.Examined) -> None:
    """Add every post-hoc rule of one network to the tables, and its reliability."""
    tables["rules"] += [{**unit, **row} for row in measures.rules(one)]
    tables["reliability"] += [{**unit, **row} for row in measures.reliability(one)]


# --- Free to stop: both as long as they like -----------------------------------------------------


def free_arms(config: Config) -> dict[str, Arm]:
    """Arms by name, those at the lower prior of the pair with "-rare" behind it."""
    low, half = config.pair
    plain = Arm(prior=half, optimiser="adam")
    weighted = replace(plain, ratio=config.ratio)
    rare, rare_weighted = replace(plain, prior=low), replace(weighted, prior=low)
    return {
        "plain": plain,
        "weighted": weighted,
        "plain-displaced": replace(plain, bias="displaced", travel=math.log(config.ratio)),
        "plain-default": replace(plain, bias="default"),
        "weighted-default": replace(weighted, bias="default"),
        "plain-permuted": replace(plain, permuted=True),
        "weighted-permuted": replace(weighted, permuted=True),
        "plain-rare": rare,
        "weighted-rare": rare_weighted,
        "plain-default-rare": replace(rare, bias="default"),
        "weighted-default-rare": replace(rare_weighted, bias="default"),
    }


REPAIRED = ("plain", "weighted", "plain-rare", "weighted-rare")  # arms that post-hoc rules get


def free_to_stop(config: Config, data: Data) -> Tables:
    """Both losses under Adam: at every look, and where their own validation loss was least."""
    named = free_arms(config)
    names, arms = list(named), list(named.values())
    found = data.trained(arms, Schedule(config.batch, config.adam_rate, config.free_looks))
    tables: Tables = {"free": [], "stopped": []} | posthoc()
    for model, place, arm in each(found[config.free_looks[-1]], arms):
        name, seed = names[model % len(arms)], data.seeds[place]
        losses = {}
        for step, networks in found.items():
            losses[step] = data.validation_loss(networks, model, arm)
            tables["free"].append({
                "seed": seed, "arm": name, "step": step, "validation_loss": losses[step],
                "auroc": data.auroc(networks, model, arm),
            })  # fmt: skip
        step = min(losses, key=losses.__getitem__)
        one = data.examined(found[step], model, arm, config.ratio)
        tables["stopped"].append({"seed": seed, "arm": name, "step": step, **full(one)})
        if name in REPAIRED:
            repaired(tables, {**unit_of(seed, arm), "when": "stopped"}, one)
    return tables


# --- The run ------------------------------------------------------------------------------------


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both losses on every seed under a fixed budget, at a cost, and free to stop.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own cases and initial weights; arms are paired on them.

    Returns
    -------
    dict of str to pandas.DataFrame
        Fixed budget: ``grid`` (per seed, prior, ratio and step), ``scale_free`` (the same under
        Adam, and with every loss scaled as the plain one), ``budget`` and ``algebra``.  Explicit
        cost of learning: ``steady`` (per step), ``cost`` (per cost), ``fixed`` and ``tuned``.  Free
        to stop: ``free`` (per arm and step) and ``stopped``.  Also ``rules`` and ``reliability``
        (per ``when``: stopped or overfit), and the control ``linear``.
    """
    data = Data.draw(
        Perceptron(config.hidden), seeds, "hidden", config.inputs,
        train=config.train, validation=config.validation, test=config.test,
    )  # fmt: skip
    tables: Tables = {"linear": checks.linear(config, seeds)}
    for part in (fixed_budget, learning_at_a_cost, free_to_stop):
        for name, rows in part(config, data).items():
            tables.setdefault(name, []).extend(rows)
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
