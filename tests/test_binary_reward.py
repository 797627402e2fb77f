"""The binary-reward experiment with small constants: world, rewards, measures, run, figures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from calibration_lab import experiments, scores
from calibration_lab.experiments.binary_reward import experiment, figures, measures, speed, sweep
from calibration_lab.experiments.binary_reward.rewards import ARMS, Arm
from calibration_lab.experiments.binary_reward.statements import QUANTITIES, STATEMENTS
from calibration_lab.results import Result, provenance
from calibration_lab.statements import judge

SMALL = experiment.Config(
    imitation_steps=30, steps=10, evaluation=64, validation=64, watch_every=5, watched=16
)


@pytest.fixture(scope="module")
def tables():
    return experiment.run(SMALL, [0, 1])


def by_unit(table):
    keys = [c for c in table.columns if table[c].dtype.kind not in "f"]
    return table.sort_values(keys).reset_index(drop=True)


# --- the world -----------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [1.0, 1.5])
def test_answer_probabilities_are_the_exact_posterior(noise):
    """Bayes' rule with the normal densities written out, as an independent computation."""
    rng = np.random.default_rng(0)
    strength, evidence = rng.uniform(0, 4, 50), rng.normal(0, 3, (50, 8))
    centres = np.eye(8)  # e_y
    gap = evidence[:, None, :] - strength[:, None, None] * centres  # (50, y, coordinate)
    density = np.exp(-(gap**2).sum(-1) / (2 * noise**2))
    expected = density / density.sum(1, keepdims=True)
    found = experiment.bayes(torch.tensor(evidence), torch.tensor(strength), noise)
    np.testing.assert_allclose(found[:, :8], expected, rtol=1e-9)
    assert (found[:, 8] == 0).all()


def test_labels_come_true_as_often_as_their_probability_says():
    asked = experiment.ask(SMALL, [5], "x", 60_000, noise=1.5)
    p = asked.probability[0].gather(1, asked.label[0][:, None])[:, 0].double()
    expected = (asked.probability[0].double() ** 2).sum(1)
    assert p.mean() == pytest.approx(float(expected.mean()), abs=0.005)
    unknowable = asked.features[0, :, -1] == 0
    torch.testing.assert_close(asked.probability[0, unknowable, :8].mean().item(), 0.125)


# --- the rewards ---------------------------------------------------------------------------------


def test_reward_tables_by_hand():
    levels = np.linspace(0, 1, 11)
    np.testing.assert_allclose(ARMS["binary"].table(SMALL), [[0.0] * 11, [1.0] * 11])
    np.testing.assert_allclose(
        ARMS["brier-2"].table(SMALL), [-2 * levels**2, 1 - 2 * (1 - levels) ** 2]
    )
    np.testing.assert_allclose(ARMS["linear-1"].table(SMALL), [-levels, levels])
    np.testing.assert_allclose(ARMS["penalise-only-wrong"].table(SMALL), [-(levels**2), [1.0] * 11])
    np.testing.assert_allclose(ARMS["coin-flip"].table(SMALL), np.full((2, 11), 0.5))
    assert ARMS["log-safe"].beta(SMALL) == pytest.approx(1 / np.log(0.99 / 0.01), abs=1e-3)


@pytest.mark.parametrize(
    ("arm", "threshold"),
    [
        ("brier-1", 0.0),
        ("spherical-1", 0.0),
        ("log-safe", 0.0),
        ("brier-2", scores.wrong_on_purpose_threshold(scores.brier(), 2.0)),
        ("brier-4", scores.wrong_on_purpose_threshold(scores.brier(), 4.0)),
        ("log-1", scores.wrong_on_purpose_threshold(scores.log(clip=0.01), 1.0)),
    ],
)
def test_the_optimum_changes_sides_at_the_theoretical_threshold(arm, threshold):
    """Eleven confidence levels approximate the continuum to within a hundredth or so."""
    p = np.linspace(0.002, 0.998, 499)
    probability = np.stack([p, np.zeros_like(p)], axis=1)
    wrong = measures.optimum(probability, ARMS[arm].table(SMALL)) == 1
    boundary = p[wrong].max() if wrong.any() else 0.0
    assert boundary == pytest.approx(threshold, abs=0.02)
    assert (wrong == (p <= boundary)).all()


def test_the_advantage_leaves_out_the_sample_itself():
    reward = torch.tensor([[[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]]).repeat(2, 1, 1)
    reward = torch.cat([reward, reward[:1]])
    plain, scaled, other = experiment.advantage(
        reward, torch.tensor([False, True, True]), torch.tensor([False, False, True]), 1e-4
    )
    others = torch.tensor([1 / 3, 2 / 3, 2 / 3, 1 / 3])
    torch.testing.assert_close(plain[0], reward[0, 0] - others)
    torch.testing.assert_close(scaled[0], plain[0] / (reward[0, 0].std() + 1e-4))
    assert (plain[1] == 0).all()
    assert (scaled[1] == 0).all()
    torch.testing.assert_close(other[0], plain[0] / 1e-4)  # the other question's is zero


def test_the_expected_update_of_a_confidence_after_the_answer_is_zero_under_binary_reward():
    """The chapter's proposition, by enumeration: E[advantage · ∇ log π(c | a)] = 0 given a."""
    logits = torch.randn(11, dtype=torch.double, requires_grad=True)
    log_pi = logits.log_softmax(0)
    for reward in (0.0, 1.0):
        surrogate = (log_pi.detach().exp() * (reward - 0.4) * log_pi).sum()
        (gradient,) = torch.autograd.grad(surrogate, logits, retain_graph=True)
        assert gradient.abs().max() < 1e-12


def one_step(name, **changes):
    """Base and trained parameters of one arm after one step."""
    config = replace(SMALL, steps=1, **changes)
    base = experiment.pretrain(config, [0], before=False)
    return base, experiment.reinforce(config, base, [0], [ARMS[name]])[1]


def test_an_answer_only_arm_moves_the_trunk_and_leaves_the_confidence_head_alone():
    base, trained = one_step("binary-answer-only")
    for name in ("link", "link.bias", "embedding", "second", "second.bias"):
        assert torch.equal(base[name], trained[name])
    for name in ("trunk.1", "trunk.2", "first"):
        assert not torch.equal(base[name], trained[name])
    _, usual = one_step("binary")
    assert not torch.equal(base["second"], usual["second"])


def test_a_coin_ignores_which_answer_is_right(monkeypatch):
    """With every label changed, a coin's update stays and the binary reward's does not."""
    ask = experiment.ask
    for name, same in (("coin-flip", True), ("binary", False)):
        _, first = one_step(name)
        with monkeypatch.context() as patch:
            patch.setattr(
                experiment, "ask",
                lambda config, seeds, purpose, n, noise=1.0: relabelled(
                    ask(config, seeds, purpose, n, noise), purpose
                ),
            )  # fmt: skip
            _, second = one_step(name)
        assert torch.equal(first.flat, second.flat) == same


def relabelled(questions, purpose):
    """Other right answers in training; imitation keeps its own."""
    if not purpose.startswith("training"):
        return questions
    return replace(questions, label=(questions.label + 1) % 8)


# --- the measures --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy():
    rng = np.random.default_rng(1)
    probability = np.c_[rng.dirichlet(np.full(8, 0.4), 400), np.zeros(400)]
    answer = 0.9 * probability**2 / (probability**2).sum(1, keepdims=True) + 0.1 / 9
    said = np.exp(-30 * (np.linspace(0, 1, 11) - probability[..., None] ** 0.7) ** 2)
    joint = answer[..., None] * said / said.sum(-1, keepdims=True)
    label = np.array([rng.choice(9, p=p) for p in probability])
    return measures.Policy(joint, probability, label, rng.random(400) < 0.4)


def test_exact_measures_agree_with_sampled_answers(policy):
    """Half a million sampled answers, scored one by one, give the enumerated expectations."""
    rng = np.random.default_rng(2)
    question = rng.integers(0, 400, 500_000)
    flat = policy.joint.reshape(400, -1).cumsum(1)
    token = (flat[question] < rng.random(len(question))[:, None]).sum(1).clip(max=98)
    answer, level = np.divmod(token, 11)
    right = rng.random(len(question)) < policy.probability[question, answer]
    found = measures.answers(policy, ARMS["binary"].table(SMALL))
    assert right.mean() == pytest.approx(found["accuracy"], abs=3e-3)
    assert (answer == 8).mean() == pytest.approx(found["wrong_on_purpose"], abs=3e-3)
    for name, confidence in (
        ("stated", level / 10),
        ("own", policy.own[question, answer]),
    ):
        channel = measures.channels(policy.joint, policy.probability)[name]
        exact = measures.confidence(channel)
        assert np.mean((confidence - right) ** 2) == pytest.approx(exact["brier"], abs=3e-3)
        assert confidence.mean() - right.mean() == pytest.approx(exact["over_confidence"], abs=3e-3)
        order = np.argsort(confidence, kind="stable")
        ranks = pd.Series(confidence[order]).rank().to_numpy()
        positives = right[order]
        n1, n0 = positives.sum(), (~positives).sum()
        auroc = (ranks[positives].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)
        assert auroc == pytest.approx(exact["auroc"], abs=5e-3)


def test_recalibration_leaves_accuracy_alone_and_mends_over_confidence(policy):
    uniform = np.random.default_rng(3).random(400)
    rows = pd.DataFrame(
        measures.examine(
            {"familiar": policy, "shifted": policy, "validation": policy},
            ARMS["binary"].table(SMALL), ("temperature", "platt", "isotonic"), uniform,
        )["confidence"]
    )  # fmt: skip
    rows = rows[rows["inputs"] == "familiar"].set_index(["channel", "recalibration"])
    accuracy = rows["confidence"] - rows["over_confidence"]
    assert np.ptp(accuracy) < 1e-9
    for channel in ("stated", "own"):
        brier = rows.loc[channel, "brier"]
        assert brier["isotonic"] < brier["none"]
        assert brier["platt"] < brier["none"]
        assert rows.loc[(channel, "platt"), "auroc"] == pytest.approx(
            rows.loc[(channel, "none"), "auroc"], abs=1e-9
        )


def test_reliability_rows_hold_all_the_weight(policy):
    for channel in measures.channels(policy.joint, policy.probability).values():
        rows = pd.DataFrame(measures.reliability(channel, 11))
        assert rows["weight"].sum() == pytest.approx(1)
        brier_floor = (rows["weight"] * rows["right"] * (1 - rows["right"])).sum()
        assert brier_floor <= 0.25


# --- the run -------------------------------------------------------------------------------------


def test_every_arm_and_table_is_there(tables):
    expected = {*SMALL.arms, "base", "before-base"}
    for name in ("answers", "confidence", "reliability"):
        assert set(tables[name]["arm"]) == expected
        assert set(tables[name]["seed"]) == {0, 1}
    assert set(tables["trajectory"]["arm"]) == set(SMALL.arms)
    assert set(tables["trajectory"]["step"]) == {5, 10}
    numbers = tables["confidence"][["confidence", "ece", "brier", "auroc"]]
    assert ((numbers >= 0) & (numbers <= 1)).all(axis=None)


def test_results_are_bit_identical_whatever_the_grouping(tables):
    alone = [experiment.run(SMALL, [seed]) for seed in (1, 0)]
    for name, table in tables.items():
        regrouped = pd.concat([a[name] for a in alone])
        pd.testing.assert_frame_equal(by_unit(table), by_unit(regrouped), check_exact=True)


def test_an_arm_is_the_same_whichever_arms_are_trained_beside_it(tables):
    fewer = experiment.run(replace(SMALL, arms=("brier-2", "binary")), [0])
    for name in ("answers", "confidence"):
        whole = tables[name]
        ours = whole[(whole["seed"] == 0) & whole["arm"].isin(["base", "binary", "brier-2"])]
        pd.testing.assert_frame_equal(by_unit(ours), by_unit(fewer[name]), check_exact=True)


def test_imitation_gives_a_calibrated_base():
    config = replace(SMALL, imitation_steps=800, arms=("binary",), steps=1, evaluation=512)
    rows = experiment.run(config, [0])["confidence"]
    plain = (rows["inputs"] == "familiar") & (rows["recalibration"] == "none")
    base = rows[(rows["arm"] == "base") & plain].set_index("channel")
    assert abs(base.loc["stated", "over_confidence"]) < 0.03
    assert base.loc["own", "ece"] < 0.04
    assert base.loc["own", "auroc"] > 0.88


def test_every_statement_control_and_quantity_can_be_computed(tables):
    for statement in STATEMENTS:
        if statement.exhibit == "":
            judgement = judge(statement, tables)
            assert judgement.verdict == "inconclusive"  # two seeds are never enough
            assert np.isfinite(judgement.effect)
    for key, (value, *_) in QUANTITIES.items():
        if key.split("/")[1] not in ("sweep", "transformer", "speed"):
            assert len(value.values(tables, "seed")) == 2


def test_the_speed_comparison_runs():
    config = speed.Config(models=(1, 2), steps=3, looped=1, headline=SMALL)
    table = speed.run(config, [0, 1])["times"]
    assert list(table["models"]) == [1, 2, 1, 2]
    assert (table[["loop", "batch", "ratio"]] > 0).all(axis=None)


def test_the_sweep_runs():
    config = sweep.Config(
        weights=(1.0, 2.0), longer=12, longer_weights=(1.5,), weak_imitation=5,
        headline=replace(SMALL, imitation_steps=10),
    )  # fmt: skip
    table = sweep.run(config, [0, 1])["answers"]
    assert set(table["world"]) == {
        "all questions", "easy questions", "longer training", "held to the base", "base says 0",
        "weak base", "softer standardising", "rate 0.0001", "rate 0.001",
    }  # fmt: skip
    assert (table["predicted_wrong_on_purpose"] > 0).any()
    for key, (value, *_) in QUANTITIES.items():
        if key.startswith("binary-reward/sweep/") and "brier-1.5" not in key:
            world, arm = key.split("/")[-2:]
            if arm in set(table.loc[table["world"] == world.replace("-", " "), "arm"]):
                assert len(value.values({"answers": table}, "seed")) == 2
    easy = table[table["world"] == "easy questions"]
    assert (easy["predicted_wrong_on_purpose"] < 0.02).all()


@pytest.mark.parametrize("name", [name for name in figures.FIGURES if name != "weights"])
def test_figures_draw_with_an_alternative_made_from_the_data(tables, name):
    about = provenance(
        "binary-reward", SMALL, (0, 1), key="binary-reward", source="0" * 64,
        cpu_seconds=1.0, wall_seconds=1.0,
    )  # fmt: skip
    drawing = figures.FIGURES[name](Result("binary-reward", tables, about, "here", True))
    assert "<svg" in drawing.svg()
    assert len(drawing.alt) > 80
    assert any(ch.isdigit() for ch in drawing.alt)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("arms", ("nonsense",), r"arms must name some of binary, .*got \['nonsense'\]"),
        ("arms", (), "arms must name some of .*got none"),
        ("recalibration", ("bogus",), r"recalibration must name some of isotonic.*got \['bogus'\]"),
        ("evidence", (float("nan"),), "evidence must hold numbers of 0 or more"),
        ("evidence", (), "evidence must hold numbers of 0 or more"),
        ("samples", 1, "samples must be 2 or more, got 1"),
        ("levels", 0, "levels must be 2 or more, got 0"),
        ("steps", 0, "steps must be 1 or more, got 0"),
        ("watch_every", 0, "watch_every must be 1 or more, got 0"),
        ("width", 10, "width must be a multiple of 16, got 10"),
        ("prompts", 0, "prompts must be a multiple of 16, got 0"),
        ("rate", float("nan"), "rate must be a positive number, got nan"),
        ("shift", -1.0, "shift must be a positive number, got -1.0"),
        ("anchor", -1.0, "anchor must be a number of 0 or more, got -1.0"),
        ("junk", 1.5, "junk must be a probability, got 1.5"),
        ("log_clip", 0.0, "log_clip must lie between 0 and 0.5, got 0.0"),
    ],
)
def test_bad_fields_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **{field: value})


def test_an_unknown_repair_is_named():
    with pytest.raises(ValueError, match="method must be one of isotonic, platt, temperature"):
        measures.repair("bogus", 0.01, np.array([0.2, 0.7]), np.array([0.0, 1.0]))


def test_worlds_without_hard_or_easy_questions_are_measured():
    for evidence, undefined in (((4.0, 5.0), "low_evidence_over_confidence"), ((0.0,), None)):
        tables = experiment.run(replace(SMALL, evidence=evidence, arms=("binary",)), [0])
        if undefined:
            assert tables["confidence"][undefined].isna().all()
        else:
            assert tables["answers"]["wrong_where_easy"].isna().all()


def test_an_anchored_policy_stays_nearer_to_its_base():
    config = replace(SMALL, imitation_steps=200, steps=60, rate=3e-3)
    base = experiment.pretrain(config, [0], before=False)
    arms = [Arm()]
    moved = [
        (
            experiment.reinforce(replace(config, anchor=a), base, [0], arms)[60].flat - base.flat
        ).norm()
        for a in (0.0, 5.0)
    ]
    assert moved[1] < 0.7 * moved[0]
    assert experiments.get("binary-reward/sweep").tier == "confirmation"
