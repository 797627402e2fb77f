"""Judging policies of several seeds, each on its own seed's requests: one row per measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.experiments.abstention import measures
from calibration_lab.experiments.abstention.measures import Rows
from calibration_lab.experiments.abstention.objectives import LEVELS, Arm, Start
from calibration_lab.experiments.abstention.thresholds import thresholds
from calibration_lab.experiments.abstention.truth import Policy, Truth, truth_of
from calibration_lab.experiments.abstention.world import MIXES, Mix

if TYPE_CHECKING:
    from calibration_lab.experiments.abstention.experiment import Config

__all__ = ["Judge"]

JUDGED_IN = (MIXES["usual"], MIXES["uncorrelated"])  # where requests for evaluation come from


class Judge:
    """Evaluation and validation requests of every seed, and the measures taken on them."""

    def __init__(self, config: Config, seeds: Sequence[int]) -> None:
        self.config, self.seeds = config, seeds
        sizes = {
            "evaluation": config.evaluation, "validation": config.validation,
            "glance": config.glanced,
        }  # fmt: skip
        self.asked = {name: config.ask(seeds, name, n, JUDGED_IN) for name, n in sizes.items()}
        self.truths = {
            (name, s, world): truth_of(asked, world, s, place, config.intent)
            for name, asked in self.asked.items()
            for s in range(len(seeds))
            for place, world in enumerate(JUDGED_IN)
        }

    def policy(
        self, parameters: batched.Parameters, model: int, s: int, world: Mix, purpose: str
    ) -> Policy:
        """One of the policies on the requests of its seed (by position) in one world."""
        features = self.asked[purpose].features[[s], JUDGED_IN.index(world)]
        with torch.no_grad():
            found = perceptron.forward(parameters.take([model]), features)[1][0]
        scored = found.shape[1] > self.config.answers + 1
        return Policy(found.double().numpy(), LEVELS if scored else 1)

    def add(
        self,
        rows: Rows,
        parameters: batched.Parameters,
        arms: Mapping[str, Arm | Start],
        bases: batched.Parameters,
        starts: Sequence[Start],
    ) -> None:
        """Add every measure of S·A policies, seed by seed and arm by arm, to the rows.

        ``bases`` holds the policies of ``starts`` that the arms started from, seed by seed; an arm
        may be such a start itself.
        """
        names = list(arms)
        for m in range(parameters.models):
            s, name = m // len(names), names[m % len(names)]
            chosen = arms[name]
            arm, start = (chosen, chosen.start) if isinstance(chosen, Arm) else (None, chosen)
            place, world = starts.index(start), start.mix
            policy, truth = self.on("evaluation", parameters, m, s, world)
            before = self.policy(bases, s * len(starts) + place, s, world, "evaluation")
            predicted = measures.optimum(truth, arm, start)
            found: dict[str, list[dict[str, object]]] = {
                "decisions": [{
                    **measures.decisions(policy, truth, arm, start, before),
                    **measures.signals(policy, truth),
                }],
                "slices": measures.slices(policy, truth, predicted),
                "planes": measures.planes(policy, truth, predicted),
                "calibration": measures.calibrated(policy, truth),
            }  # fmt: skip
            if name in self.config.judged:
                validation = self.on("validation", parameters, m, s, world)
                found["thresholds"] = thresholds(validation, (policy, truth), start.refusal)
                found["reliability"] = measures.reliability(policy, truth)
            for kind, more in found.items():
                unit = {"seed": self.seeds[s], "arm": name}
                rows.setdefault(kind, []).extend({**unit, **row} for row in more)

    def on(
        self, purpose: str, parameters: batched.Parameters, model: int, s: int, world: Mix
    ) -> tuple[Policy, Truth]:
        """One of the policies on its seed's requests, with their truth."""
        policy = self.policy(parameters, model, s, world, purpose)
        return policy, self.truths[purpose, s, world]

    def glance(
        self, rows: Rows, parameters: batched.Parameters, names: Sequence[str], step: int
    ) -> None:
        """Add a point of the trajectory of policies in training to the rows."""
        for m in range(parameters.models):
            s = m // len(names)
            unit = {"seed": self.seeds[s], "arm": names[m % len(names)], "step": step}
            seen = measures.glance(*self.on("glance", parameters, m, s, JUDGED_IN[0]))
            rows.setdefault("trajectory", []).append({**unit, **seen})
