"""The abstention experiment with small constants: world, objectives, measures, run, figures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from calibration_lab.batched import draw
from calibration_lab.experiments.abstention import (
    confidence,
    data_mix,
    experiment,
    figures,
    measures,
    training,
)
from calibration_lab.experiments.abstention.columns import COLUMNS
from calibration_lab.experiments.abstention.judging import Judge
from calibration_lab.experiments.abstention.objectives import (
    ARMS,
    GRID,
    HEADLINE,
    STARTS,
    TRUE,
    Arm,
    Start,
    cell,
    rewards,
    threshold,
)
from calibration_lab.experiments.abstention.statements import QUANTITIES, STATEMENTS
from calibration_lab.experiments.abstention.thresholds import best_of_two, thresholds
from calibration_lab.experiments.abstention.truth import Policy
from calibration_lab.experiments.abstention.world import (
    MIXES,
    Mix,
    answer_probability,
    ask,
    harm_probability,
)
from calibration_lab.results import Result, provenance
from calibration_lab.statements import judge

SMALL = experiment.Config(
    imitation_steps=20, imitation_batch=32, steps=60, evaluation=128, validation=128,
    watch_every=50, glanced=64,
)  # fmt: skip
EVIDENCE = (1.0, 2.0, 4.0)
OWN = ["own_regret", "greedy_own_regret", "posthoc_own_regret"]  # sums with an offset are rounded
CONFIRMATIONS = ("data-mix", "training", "confidence")


@pytest.fixture(scope="module")
def tables():
    return experiment.run(SMALL, [0, 1])


@pytest.fixture(scope="module")
def truth():
    judge_ = Judge(replace(SMALL, evaluation=512), [3])
    return judge_.truths["evaluation", 0, MIXES["usual"]]


def policy_of(logits, levels=1):
    return Policy(np.asarray(logits, float), levels)


def by_unit(table):
    keys = [c for c in table.columns if table[c].dtype.kind not in "f"]
    return table.sort_values(keys).reset_index(drop=True)


# --- the world -----------------------------------------------------------------------------------


def test_probabilities_are_the_exact_posteriors():
    """Bayes' rule with the densities of everything seen written out, as another computation."""
    rng = np.random.default_rng(0)
    mix, shift = Mix(0.2, 0.3, 0.9, 0.25), 0.8
    strength, alarm, intent = rng.uniform(0, 4, 40), rng.integers(0, 2, 40), rng.normal(0, 2, 40)
    evidence = rng.normal(0, 3, (40, 6))
    features = torch.tensor(np.c_[evidence, strength, alarm, intent])
    gap = evidence[:, None, :] - strength[:, None, None] * np.eye(6)
    density = np.exp(-(gap**2).sum(-1) / 2)
    expected = density / density.sum(1, keepdims=True)
    np.testing.assert_allclose(answer_probability(features), expected, rtol=1e-9)
    joint = []
    for share, rate, centre in ((0.3, 0.9, shift), (0.7, 0.25, -shift)):
        seen = np.where(alarm, rate, 1 - rate) * np.exp(-((intent - centre) ** 2) / 2)
        joint.append(share * seen)
    expected = joint[0] / (joint[0] + joint[1])
    np.testing.assert_allclose(harm_probability(features, mix, shift), expected, rtol=1e-9)


def test_requests_come_true_as_often_as_their_probabilities_say():
    mixes = [MIXES["usual"], MIXES["safety-heavy"]]
    asked = ask([5], "x", 60_000, mixes, EVIDENCE, 6, 1.0)
    for place, mix in enumerate(mixes):
        features = asked.features[0, place].double()
        p, q = answer_probability(features), harm_probability(features, mix, 1.0)
        label, unsafe = asked.label[0, place], asked.unsafe[0, place]
        hit = p.gather(1, label[:, None]).mean()
        assert hit == pytest.approx(float((p**2).sum(1).mean()), abs=0.006)
        assert float(q.mean()) == pytest.approx(mix.unsafe, abs=0.006)
        high = q > 0.8
        assert unsafe[high].double().mean() == pytest.approx(float(q[high].mean()), abs=0.02)
        unknowable = asked.strength[0, place] == 0
        assert unknowable.double().mean() == pytest.approx(0.25, abs=0.006)
        torch.testing.assert_close(p[unknowable], torch.full_like(p[unknowable], 1 / 6))


def test_mixes_of_a_seed_are_paired_and_harm_leaves_knowledge_alone():
    asked = ask([1], "x", 500, [MIXES["usual"], MIXES["safety-heavy"]], EVIDENCE, 6, 1.0)
    assert torch.equal(asked.features[0, 0, :, :7], asked.features[0, 1, :, :7])
    assert (asked.unsafe[0, 1] | ~asked.unsafe[0, 0]).all()


def test_without_correlation_the_alarm_says_nothing():
    features = torch.zeros(2, 9).double()
    features[1, -2] = 1.0
    q = harm_probability(features, MIXES["uncorrelated"], 1.0)
    torch.testing.assert_close(q, torch.full_like(q, 0.2))
    q = harm_probability(features, MIXES["usual"], 1.0)
    assert q[1] > 5 * q[0]


# --- the objectives ------------------------------------------------------------------------------


def test_reward_tables_by_hand():
    gain, cost, abstain = rewards(Arm(3.0, 9.0))
    np.testing.assert_allclose((gain - cost)[..., 0], [[-3.0, -12.0], [1.0, -8.0]])
    assert abstain == 0
    gain, cost, abstain = rewards(ARMS["renamed"])
    np.testing.assert_allclose((gain - cost)[..., 0], [[0.0, 0.0], [2.0, 2.0]])
    assert abstain == 1
    gain, cost, abstain = rewards(ARMS["brier-25-h3"])
    level = np.linspace(0, 1, 6)
    np.testing.assert_allclose((gain - cost)[1, 1], 1 - (level - 1) ** 2 - 3)
    np.testing.assert_allclose((gain - cost)[0, 0], -(level**2))
    assert abstain == 0.25


def test_the_threshold_is_that_of_the_known_objectives():
    none = np.zeros(1)
    assert threshold(0, 0, 0, none)[0] == 0  # correctness only: never abstain
    assert threshold(1, 0, 0, none)[0] == 0.5  # ternary
    for target in (0.5, 0.75, 0.9):
        assert threshold(target / (1 - target), 0, 0, none)[0] == pytest.approx(target)
    assert threshold(1, 3, 0, np.array([0.2]))[0] == pytest.approx(0.8)
    assert {cell(w, h) for w in GRID for h in GRID} <= set(ARMS)


@pytest.mark.parametrize("name", [n for n in HEADLINE if not ARMS[n].imitation])
def test_the_optimum_is_the_best_of_all_deterministic_policies(name, truth):
    """Enumerate every action of every request; the optimum's expected reward is the largest."""
    arm = replace(ARMS[name], anchor=0.0)
    gain, cost, abstain = rewards(arm)
    flag = truth.alarm.astype(float) if arm.proxy else truth.harm_if(arm.mix)
    table = gain - cost
    worth = np.stack(
        [
            sum(
                (p if c else 1 - p) * (flag if f else 1 - flag) * table[c, f, 0]
                for c in (0, 1)
                for f in (0, 1)
            )
            for p in truth.probability.T
        ],
        axis=1,
    )
    best = worth.max(1) > abstain
    np.testing.assert_array_equal(measures.optimum(truth, arm, STARTS["base"]), best)
    assert measures.disagreement(truth, arm) == 0


def test_an_honest_brier_answer_is_worth_its_squared_probability(truth):
    """To the nearest of six levels; without pay for silence the optimum never abstains."""
    worth, _ = measures.value(truth, ARMS["brier-0"])
    np.testing.assert_allclose(worth, truth.probability**2, atol=0.0101)
    assert measures.optimum(truth, ARMS["brier-0"], STARTS["base"]).all()
    paid = measures.optimum(truth, ARMS["brier-25"], STARTS["base"])
    np.testing.assert_array_equal(paid[truth.probability.max(1) > 0.52], 1)
    np.testing.assert_array_equal(paid[truth.probability.max(1) < 0.48], 0)


def test_a_tight_anchor_leaves_the_base_and_a_loose_one_the_reward(truth):
    base = measures.optimum(truth, None, STARTS["base"])
    tight = measures.optimum(truth, replace(TRUE, anchor=1e4), STARTS["base"])
    np.testing.assert_allclose(tight, base, atol=1e-3)
    clear = np.abs(truth.utility) > 0.1
    loose = measures.optimum(truth, replace(TRUE, anchor=5e-3), STARTS["base"])
    np.testing.assert_allclose(loose[clear], truth.answer[clear], atol=1e-3)


# --- the measures --------------------------------------------------------------------------------


def test_regret_agrees_with_a_lottery_of_sampled_actions(truth):
    rng = np.random.default_rng(1)
    logits = np.c_[rng.normal(0, 2, (512, 6)), rng.normal(0, 2, 512)]
    policy = policy_of(logits)
    found = measures.decisions(policy, truth, TRUE, STARTS["base"], policy)
    pick = rng.integers(0, 512, 400_000)
    cumulative = np.c_[policy.each, 1 - policy.answering].cumsum(1)
    action = (cumulative[pick] < rng.random((len(pick), 1))).sum(1).clip(max=6)
    answers, which = action < 6, action.clip(max=5)
    right = rng.random(len(pick)) < truth.probability[pick, which]
    harm = rng.random(len(pick)) < truth.harm[pick]
    paid = np.where(answers, np.where(right, 1.0, -1.0) - 3.0 * harm, 0.0)
    best = np.maximum(truth.utility, 0)[pick]
    assert (best - paid).mean() == pytest.approx(found["regret"], abs=0.02)
    assert found["regret"] == pytest.approx(found["own_regret"])
    speaks = policy.log_odds > 0
    said = truth.probability[np.arange(512), policy.given.argmax(1)]
    value = np.where(speaks, 2 * said - 1 - 3 * truth.harm, 0)
    greedy = (np.maximum(truth.utility, 0) - value).mean()
    assert found["greedy_own_regret"] == pytest.approx(greedy)
    parts = found["under_regret"] + found["over_regret"] + found["choice_regret"]
    assert parts == pytest.approx(found["regret"])
    should = truth.answer[pick]
    assert answers[~should].mean() == pytest.approx(found["under"], abs=0.01)
    assert (~answers[should]).mean() == pytest.approx(found["over"], abs=0.01)
    assert (~should)[~answers].mean() == pytest.approx(found["precision"], abs=0.01)
    assert found["recall"] == pytest.approx(1 - found["under"])


def oracle(truth):
    """A policy that takes the best decision nearly surely."""
    logits = 200 * (truth.probability - truth.probability.max(1, keepdims=True))
    return policy_of(np.c_[logits, np.where(truth.answer, -50, 50)])


def test_the_best_policy_has_no_regret_no_tilt_and_perfect_calibration_of_answering(truth):
    policy = oracle(truth)
    found = measures.decisions(policy, truth, TRUE, STARTS["base"], policy)
    for name in ("under", "over", "under_regret", "over_regret", "tilt"):
        assert abs(found[name]) < 1e-9
    assert found["regret"] < 0.01
    rows = {(r["plane"], r["channel"]): r for r in measures.calibrated(policy, truth)}
    assert rows["all", "answering"]["ece"] < 1e-9
    assert all(abs(row["tilt"]) < 1e-9 for row in measures.slices(policy, truth, truth.answer))


def calibrated_base(truth, refusal=0.1):
    """The policy that imitation aims at: refuses harm as often as it occurs, and some at random."""
    answering = (1 - refusal) * (1 - truth.harm)
    return policy_of(np.log(np.c_[answering[:, None] * truth.probability, 1 - answering]))


def test_the_ideal_base_is_calibrated_and_its_rule_is_chows(truth):
    base, start = calibrated_base(truth), STARTS["base"]
    known, harm = measures.plug_in(base, 0.1)
    np.testing.assert_allclose(known, truth.probability, atol=1e-9)
    np.testing.assert_allclose(harm, truth.harm, atol=1e-9)
    np.testing.assert_allclose(base.answering, measures.optimum(truth, None, start))
    rows = {(r["plane"], r["channel"]): r for r in measures.calibrated(base, truth)}
    assert rows["all", "answers"]["ece"] < 1e-9
    for w in GRID:
        found = measures.decisions(oracle(truth), truth, Arm(w, 3.0), start, base)
        assert found["posthoc_own_regret"] == pytest.approx(0, abs=1e-9)
        assert found["posthoc_under"] == found["predicted_under"]


def test_signals_are_told_apart_only_where_they_are(truth):
    base = calibrated_base(truth)
    kept = measures.signals(base, truth)
    assert kept["answerability_auroc"] > 0.95
    assert kept["harm_auroc"] > 0.9
    deaf = policy_of(np.c_[np.log(truth.probability), np.zeros(len(truth.harm))])
    assert measures.signals(deaf, truth)["harm_auroc"] == pytest.approx(0.5, abs=0.05)


# --- thresholds ----------------------------------------------------------------------------------


def test_two_thresholds_are_the_best_of_all_pairs():
    rng = np.random.default_rng(2)
    first, second, utility = rng.normal(size=(3, 40))
    low, other, total = best_of_two(first, second, utility)
    assert utility[(first > low) & (second > other)].sum() == pytest.approx(total)
    pairs = [(a, b) for a in [-np.inf, *first] for b in [-np.inf, *second]]
    every = [utility[(first > a) & (second > b)].sum() for a, b in pairs]
    assert total == pytest.approx(max(every), abs=1e-9)  # 40 values are all tried


def test_on_the_ideal_base_two_axes_and_the_rule_leave_little_and_one_leaves_much():
    config = replace(SMALL, evaluation=4096, validation=4096)
    judge_ = Judge(config, [2])
    pair = [
        (calibrated_base(t), t)
        for t in (judge_.truths[name, 0, MIXES["usual"]] for name in ("validation", "evaluation"))
    ]
    rows = {row["axes"]: row["regret"] for row in thresholds(*pair, 0.1)}
    assert rows["plug-in"] == pytest.approx(0, abs=1e-9)
    assert 0 <= rows["two"] < 0.03
    assert rows["one"] > rows["two"] + 0.05
    assert rows["sampled"] > rows["one"]
    assert min(rows.values()) >= -1e-12


# --- the training --------------------------------------------------------------------------------


def test_penalties_grow_in_exact_steps():
    config = replace(SMALL, steps=1000, ramp=0.5)
    sizes = [experiment.size_of_penalties(config, step) for step in range(1000)]
    assert sizes[0] == 0
    assert sizes[250] == 0.5
    assert set(sizes[500:]) == {1.0}
    assert sizes == sorted(sizes)
    assert all(size * 64 == int(size * 64) for size in sizes)
    assert experiment.size_of_penalties(replace(config, ramp=0.0), 0) == 1.0


def test_demonstrations_refuse_the_unsafe_and_the_share_asked_for():
    asked = SMALL.ask([0], "x", 4096, [MIXES["usual"], MIXES["benign"]])
    uniform = draw([0], "x", "uniform", (4096,))[:, None]
    refusal = torch.tensor([0.1, 0.5])[:, None]
    action = experiment.demonstrated(SMALL, asked, uniform, refusal, scored=False)
    assert (action[0, 0][asked.unsafe[0, 0]] == 6).all()
    assert (action[0, 1] == 6).double().mean() == pytest.approx(0.5, abs=0.03)
    answered = action < 6
    assert torch.equal(action[answered], asked.label[answered])
    spoken = experiment.demonstrated(SMALL, asked, uniform, refusal, scored=True)
    assert torch.equal((spoken // 6)[answered], asked.label[answered])


def trained(arm, start=None, steps=300, **changes):
    config = replace(SMALL, imitation_steps=300, steps=steps, **changes)
    arm = arm if start is None else replace(arm, start=start)
    bases = experiment.pretrain(config, [0], [arm.start])
    policies, _ = experiment.reinforce(config, bases, [0], [arm])
    judge_, rows = Judge(config, [0]), {}
    judge_.add(rows, bases, {"before": arm.start}, bases, [arm.start])
    judge_.add(rows, policies, {"after": arm}, bases, [arm.start])
    return pd.DataFrame(rows["decisions"]).set_index("arm")


def test_correctness_alone_unlearns_abstention_and_heavy_abrupt_penalties_teach_nothing_else():
    bold = trained(Arm())
    assert bold.loc["after", "under"] > 0.95 > bold.loc["before", "under"]
    shy = trained(Arm(9.0, 9.0, abrupt=True))
    assert shy.loc["after", "over"] > 0.95


def test_an_anchor_holds_the_policy():
    free, held = (trained(Arm(anchor=a)).loc["after", "recall"] for a in (0.0, 2.0))
    assert held > free + 0.1


def test_imitation_ignores_the_reward():
    pair = [
        trained(Arm(wrong=w, harm=w, imitation=True, mix=MIXES["answerable"]), steps=20)
        for w in (0.0, 9.0)
    ]
    assert pair[0].loc["after", "under"] == pair[1].loc["after", "under"]


# --- the run -------------------------------------------------------------------------------------


def test_every_arm_and_table_is_there(tables):
    for name in ("decisions", "slices", "planes", "calibration"):
        assert set(tables[name]["arm"]) == {*HEADLINE, *STARTS}
        assert set(tables[name]["seed"]) == {0, 1}
    assert set(tables["thresholds"]["arm"]) == set(SMALL.judged)
    assert set(tables["trajectory"]["step"]) == {0, 50, 60}
    rates = tables["decisions"][["under", "over", "recall", "accuracy_given"]]
    assert ((rates >= 0) & (rates <= 1)).all(axis=None)


def test_every_column_is_explained(tables):
    shared = {"seed", "arm", "step", "confidence", "over_confidence", "ece", "brier", "auroc"}
    columns = {column for table in tables.values() for column in table.columns}
    assert columns - shared == set(COLUMNS) - {"objective", "varied", "share", "part"}


def test_renaming_changes_nothing_to_the_last_bit(tables):
    wide = tables["decisions"].drop(columns="seed").groupby("arm")
    ours, theirs = wide.get_group("renamed"), wide.get_group("w1-h0")
    assert not ours.equals(wide.get_group("w1-h1"))
    pd.testing.assert_frame_equal(
        ours.drop(columns=["arm", *OWN]).reset_index(drop=True),
        theirs.drop(columns=["arm", *OWN]).reset_index(drop=True),
        check_exact=True,
    )


def test_results_are_bit_identical_whatever_the_grouping(tables):
    alone = [experiment.run(SMALL, [seed]) for seed in (1, 0)]
    for name, table in tables.items():
        regrouped = pd.concat([a[name] for a in alone])
        pd.testing.assert_frame_equal(by_unit(table), by_unit(regrouped), check_exact=True)


def test_an_arm_is_the_same_whichever_arms_are_trained_beside_it(tables):
    few = ("true-benign", "w3-h3")
    fewer = experiment.run(replace(SMALL, arms=few), [0])
    for name in ("decisions", "calibration", "trajectory"):
        whole = tables[name]
        ours = whole[(whole["seed"] == 0) & whole["arm"].isin(["base", *few])]
        pd.testing.assert_frame_equal(by_unit(ours), by_unit(fewer[name]), check_exact=True)


def test_every_statement_control_and_quantity_can_be_computed(tables):
    for statement in STATEMENTS:
        if statement.exhibit == "":
            judgement = judge(statement, tables)
            assert np.isfinite(judgement.effect)
            assert judgement.verdict == "inconclusive"  # two seeds are never enough
    for key, (value, *_) in QUANTITIES.items():
        if key.split("/")[1] not in CONFIRMATIONS:
            assert len(value.values(tables, "seed")) == 2


TINY = replace(SMALL, imitation_steps=2, steps=4)


@pytest.mark.parametrize(
    ("module", "name"),
    [(data_mix, "data-mix"), (training, "training"), (confidence, "confidence")],
)
def test_a_confirmation_runs_and_holds_all_that_is_declared_on_it(module, name):
    config = module.Config(headline=TINY)
    found = module.run(replace(config, longer=8) if name == "training" else config, [0, 1])
    for statement in STATEMENTS:
        if statement.exhibit == name:
            assert np.isfinite(judge(statement, found).effect)
    for key, (value, *_) in QUANTITIES.items():
        if key.split("/")[1] == name:
            assert len(value.values(found, "seed")) == 2
    for figure in {"data-mix": ["data-mix"], "training": ["ramps"]}.get(name, []):
        check_figure(figure, found)


def check_figure(name, tables):
    about = provenance(
        "abstention", SMALL, (0, 1), key="abstention", source="0" * 64,
        cpu_seconds=1.0, wall_seconds=1.0,
    )  # fmt: skip
    drawing = figures.FIGURES[name](Result("abstention", tables, about, "here", True))
    assert "<svg" in drawing.svg()
    assert len(drawing.alt) > 80
    assert any(ch.isdigit() for ch in drawing.alt)


@pytest.mark.parametrize("name", [n for n in figures.FIGURES if n not in ("data-mix", "ramps")])
def test_figures_draw_with_an_alternative_made_from_the_data(tables, name):
    check_figure(name, tables)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("arms", ("nonsense",), r"arms must name some of w0-h0, .*got \['nonsense'\]"),
        ("arms", (), "arms must name some of .*got none"),
        ("arms", ("w0-h0", "brier-0"), "arms must all state a confidence or none"),
        ("judged", ("nonsense",), r"judged must name arms, got \['nonsense'\]"),
        ("evidence", (0.0, 1.0), "evidence must hold positive numbers"),
        ("samples", 1, "samples must be 2 or more, got 1"),
        ("steps", 0, "steps must be 1 or more, got 0"),
        ("width", 10, "width must be a multiple of 16, got 10"),
        ("rate", float("nan"), "rate must be a positive number, got nan"),
        ("entropy", -1.0, "entropy must be 0 or more, got -1.0"),
        ("ramp", 1.5, "ramp must be a share of training, got 1.5"),
    ],
)
def test_bad_fields_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **{field: value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mix(unsafe=1.2), "unsafe must be a probability, got 1.2"),
        (lambda: Arm(wrong=-1.0), "wrong must be 0 or more, got -1.0"),
        (lambda: Arm(abstain=float("inf")), "abstain must be finite, got inf"),
        (lambda: Start(refusal=1.0), "refusal must be a share below 1, got 1.0"),
    ],
)
def test_bad_objectives_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
