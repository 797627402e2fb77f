"""Temperature zero: does an output that repeats tell that it is reliable, or that it is right?

Judges answer yes or no with known probabilities, so what repetition can show is known in advance.
Each is asked a hundred times at several temperatures, and everything a practitioner would compute
(McDonald's omega, agreement rates, self-consistency as confidence) stands beside the truth.

The file reads in the order of the experiment: constants, draws, the run.  The judges stand in
``judges.py``, what is measured in ``reliability.py``, ``confidence.py`` and ``transposition.py``.

Shapes in comments: n items, K repetitions, M phrasings, Q questions of the transposed layout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_lab import batched
from calibration_lab.experiments.temperature_zero import confidence, reliability, transposition
from calibration_lab.experiments.temperature_zero.judges import (
    CONFIDENT,
    JUDGES,
    Floats,
    make_items,
    probability,
)

__all__ = ["Config", "run", "sources"]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    judges: tuple[str, ...] = tuple(JUDGES)
    confident: tuple[str, ...] = tuple(CONFIDENT)  # judges whose agreement is used as confidence
    evidence: float = 2.0  # distance of yes from no in noise s.d.: at best .84 of answers are right
    items: int = 256  # judged items per seed; more than repetitions, or omega is undefined
    repetitions: int = 100  # answers to each item, as in the source paper's data
    temperatures: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # the source paper's five
    wordings: tuple[float, ...] = (1.5, 0.5, 0.0)  # log-odds of three ways to word an answer
    sweep: tuple[int, ...] = (3, 5, 10, 20, 50, 100)  # numbers of repetitions
    swept: tuple[str, ...] = ("careful", "faint")
    swept_items: int = 1024  # more than are judged: omega of few repetitions varies a great deal
    tested: int = 2048  # items that self-consistency is tested on
    validation: int = 1024  # labelled items for its recalibration
    phrasings: int = 10  # ways to ask the same question
    consistency: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)  # temperatures of self-consistency
    questions: tuple[int, ...] = (8, 20, 27)  # of the source paper's three benchmarks
    options: int = 5  # letters A to E
    taste: float = 1.0  # s.d. of log-odds between options
    mood: float = 0.5  # s.d. over repetitions of a moody judge's log-odds per option
    noise_questions: tuple[int, ...] = (8, 16, 32, 64)
    noise_repetitions: tuple[int, ...] = (25, 100, 400)
    noise_tables: int = 4  # tables of pure chance per seed and size

    def __post_init__(self) -> None:
        for name, known in (("judges", JUDGES), ("swept", JUDGES), ("confident", CONFIDENT)):
            unknown = sorted(set(getattr(self, name)) - set(known))
            if unknown or not getattr(self, name):
                raise ValueError(
                    f"{name} must name some of {', '.join(known)}, got {unknown or 'none'}"
                )
        for name in ("temperatures", "consistency"):
            given = getattr(self, name)
            if not given or not all(0 <= value < math.inf for value in given):
                raise ValueError(f"{name} must hold numbers of 0 or more, got {given}")
        for name, least in (("items", 16), ("repetitions", 3), ("tested", 16), ("validation", 16),
                            ("phrasings", 2), ("options", 2), ("noise_tables", 1)):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        for name in ("items", "swept_items"):
            if getattr(self, name) <= self.repetitions:
                raise ValueError(
                    f"{name} must be more than repetitions ({self.repetitions}), "
                    f"got {getattr(self, name)}"
                )
        for name, least in (("sweep", 3), ("questions", 3), ("noise_questions", 3),
                            ("noise_repetitions", 3)):  # fmt: skip
            if not getattr(self, name) or min(getattr(self, name)) < least:
                raise ValueError(
                    f"{name} must hold numbers of {least} or more, got {getattr(self, name)}"
                )
        if max(self.sweep) > self.repetitions:
            raise ValueError(
                f"sweep must not exceed repetitions ({self.repetitions}), got {max(self.sweep)}"
            )
        for name in ("evidence", "taste", "mood"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")


def uniforms(seed: int, purpose: str, *shape: int) -> Floats:
    """Uniform numbers of one seed and purpose."""
    return batched.draw([seed], purpose, "uniform", shape)[0].double().numpy()


def worded(config: Config, answers: Floats, uniform: Floats, temperature: float) -> np.ndarray:
    """Raw outputs (n, K): the answer and its wording in one number, the answer being the parity."""
    log_odds = np.array(config.wordings)
    if temperature:
        weight = np.exp((log_odds - log_odds.max()) / temperature)
        wording = np.searchsorted(np.cumsum(weight / weight.sum())[:-1], uniform, side="right")
    else:
        wording = np.full(uniform.shape, log_odds.argmax())
    return answers.astype(np.int64) + 2 * wording


def repeat(config: Config, seed: int) -> dict[str, list[dict]]:
    """Ask every judge about the same items again and again, at every temperature.

    All judges and temperatures share one table of uniform numbers, so they are paired.
    """
    items = make_items(seed, "judged", config.items, config.evidence, 1)
    shape = (config.items, config.repetitions)
    uniform, wording = uniforms(seed, "answers", *shape), uniforms(seed, "wordings", *shape)
    stream = batched.random_stream(seed, "shuffled items")
    tables: dict[str, list[dict]] = {"repetition": [], "majority": []}
    for name in config.judges:
        odds = JUDGES[name].odds(items)
        for temperature in config.temperatures:
            p = probability(odds, temperature)
            answers = (uniform < p[:, None]).astype(float)
            settings = {"free": (answers, worded(config, answers, wording, temperature))}
            unit = {"judge": name, "temperature": temperature}
            if temperature == 1:
                # one random seed for all repetitions: the first draw, again and again
                settings["fixed seed"] = tuple(
                    np.repeat(table[:, :1], config.repetitions, axis=1)
                    for table in settings["free"]
                )  # type: ignore[assignment]
            if temperature in (0, 1) and name in config.swept:
                order = stream.permuted(np.tile(np.arange(config.items), (config.repetitions, 1)).T,
                                        axis=0)  # fmt: skip
                settings["items shuffled"] = tuple(
                    np.take_along_axis(table, order, axis=0) for table in settings["free"]
                )  # type: ignore[assignment]
            for setting, (said, outputs) in settings.items():
                found = reliability.examine(said, outputs, p, items.label)
                moved = float((answers[:, 0] != answers[:, 1]).mean())
                tables["repetition"].append({**unit, "setting": setting, **found, "moved": moved})
            tables["majority"] += [
                {**unit, **row}
                for row in reliability.majorities(p, items.label, config.repetitions - 1)
            ]
    return tables


def lengthen(config: Config, seed: int) -> dict[str, list[dict]]:
    """Omega over the number of repetitions at temperature one, on items of their own."""
    items = make_items(seed, "swept", config.swept_items, config.evidence, 1)
    uniform = uniforms(seed, "swept: answers", config.swept_items, max(config.sweep))
    rows = []
    for name in config.swept:
        p = probability(JUDGES[name].odds(items), 1.0)
        answers = (uniform < p[:, None]).astype(float)
        rows += [{"judge": name, **row} for row in reliability.sweep(answers, p, config.sweep)]
    return {"sweep": rows}


def sources(config: Config) -> dict[str, confidence.Source]:
    """Where confidence is taken from: repetitions, phrasings, or the judge's own probability."""
    found = {
        f"repetition at {temperature:g}": confidence.Source(temperature, config.repetitions)
        for temperature in config.consistency
    }
    return found | {
        "few repetitions at 1": confidence.Source(1.0, config.phrasings),
        "own probability": confidence.Source(1.0, 0),
        "phrasings at 0": confidence.Source(0.0, 1, phrasings=True),
        "phrasings at 1": confidence.Source(1.0, 1, phrasings=True),
    }


def consist(config: Config, seed: int) -> dict[str, list[dict]]:
    """Use agreement as confidence, and measure how well that is calibrated."""
    draws = max(config.repetitions, config.phrasings)
    sets = []
    for purpose, n in (("tested", config.tested), ("validation", config.validation)):
        items = make_items(seed, purpose, n, config.evidence, config.phrasings)
        sets.append((items, uniforms(seed, f"{purpose}: answers", n, draws)))
    tables: dict[str, list[dict]] = {"confidence": [], "reliability_curve": []}
    for name in config.confident:
        found = confidence.examine(CONFIDENT[name], sources(config), sets[0], sets[1])
        for table, rows in zip(tables, found, strict=True):
            tables[table] += [{"judge": name, **row} for row in rows]
    return tables


def transpose(config: Config, seed: int) -> dict[str, list[dict]]:
    """Lay tables out with repetitions as rows, as they are and with every question shuffled."""
    rows = []
    for judge, mood in (("independent", 0.0), ("moody", config.mood)):
        for questions in config.questions:
            for temperature in config.temperatures:
                purpose = f"{judge} on {questions}"
                answers = transposition.codes(
                    seed, purpose, (questions, config.repetitions), config.options,
                    config.taste, mood, temperature,
                )  # fmt: skip
                unit = {"judge": judge, "questions": questions, "temperature": temperature}
                alone = transposition.shuffled(seed, f"{purpose} at {temperature}", answers)
                for order, table in (("as answered", answers), ("shuffled", alone)):
                    rows.append({**unit, "order": order, **transposition.examine(table)})
    noise = transposition.noise(
        seed, config.noise_questions, config.noise_repetitions, config.options, config.noise_tables
    )
    return {"transposed": rows, "noise": noise}


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Repeat, use as confidence, and transpose; every seed has its own items and draws.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        - ``repetition``: by ``judge``, ``temperature`` and ``setting`` ("free", "fixed seed",
          "items shuffled"): omega, the reliability of one draw, agreement rates, accuracy;
        - ``sweep``: omega by number of repetitions, and its Spearman-Brown prediction;
        - ``majority``: by ``side``, what a majority vote gains over one draw;
        - ``confidence``: by ``judge``, ``source`` and ``recalibration``: calibration of agreement;
        - ``reliability_curve``: the same by confidence level;
        - ``transposed``: by ``judge``, ``questions``, ``temperature`` and ``order``;
        - ``noise``: the transposed statistic on pure chance, by size of the table.
    """
    rows: dict[str, list[dict]] = {}
    for seed in seeds:
        for part in (repeat, lengthen, consist, transpose):
            for table, found in part(config, seed).items():
                rows.setdefault(table, []).extend({"seed": seed, **row} for row in found)
    return {table: pd.DataFrame(found) for table, found in rows.items()}
