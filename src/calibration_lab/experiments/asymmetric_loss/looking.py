"""A seed's cases, and trained networks looked at on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import expit

from calibration_lab import batched, calibration
from calibration_lab.experiments.asymmetric_loss import measures, training, world
from calibration_lab.experiments.asymmetric_loss.training import Arm, Network, Schedule

__all__ = ["Data"]


@dataclass(frozen=True)
class Data:
    """Training, validation and test cases of the seeds of a run, and what is trained on them."""

    network: Network
    seeds: Sequence[int]
    train: world.Cases
    validation: world.Cases
    test: world.Cases

    @classmethod
    def draw(
        cls, network: Network, seeds: Sequence[int], kind: str, inputs: int, **sizes: int
    ) -> Data:
        """Each seed's own cases; ``sizes`` are those of train, validation and test."""
        return cls(
            network,
            seeds,
            **{
                part: world.Cases.draw(seeds, f"{kind} {part}", n, inputs, kind)
                for part, n in sizes.items()
            },
        )

    def trained(self, arms: Sequence[Arm], schedule: Schedule) -> dict[int, batched.Parameters]:
        """Every arm trained on every seed, after each look; see `training.train`."""
        return training.train(self.network, arms, self.seeds, self.train, schedule)

    def outcome(self, part: str, place: int, prior: float) -> measures.Outcome:
        """What came of the cases of one part and seed."""
        cases: world.Cases = getattr(self, part)
        return measures.Outcome(
            cases.label(place, prior), cases.probability(place, prior), cases.octant(place)
        )

    def seen(self, networks: batched.Parameters, model: int, part: str) -> measures.Seen:
        """What one of the networks, which stand seed by seed, makes of the cases of one part."""
        cases: world.Cases = getattr(self, part)
        place = model // (networks.models // len(self.seeds))
        hidden, out = training.answers(self.network, networks, model, cases.features[place])
        return measures.Seen(hidden, out[:, 1] - out[:, 0])

    def auroc(self, networks: batched.Parameters, model: int, arm: Arm) -> float:
        """Area under the ROC curve of one network on the test cases, by their probabilities."""
        place = model // (networks.models // len(self.seeds))
        truth = self.test.probability(place, arm.prior)
        return calibration.auroc(expit(self.seen(networks, model, "test").log_odds), truth)

    def validation_loss(self, networks: batched.Parameters, model: int, arm: Arm) -> float:
        """Loss of one network on the validation cases, weighted as in its training."""
        place = model // (networks.models // len(self.seeds))
        label = self.validation.label(place, arm.prior)
        log_odds = self.seen(networks, model, "validation").log_odds
        return measures.weighted_loss(log_odds, label, arm.ratio)

    def examined(
        self, networks: batched.Parameters, model: int, arm: Arm, ratio: float
    ) -> measures.Examined:
        """One network with everything that is known about its cases, judged at a cost ratio."""
        place = model // (networks.models // len(self.seeds))
        train, validation, test = (
            (self.seen(networks, model, part), self.outcome(part, place, arm.prior))
            for part in ("train", "validation", "test")
        )
        return measures.Examined(train, validation, test, arm.ratio, ratio)
