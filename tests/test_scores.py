from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration_lab import scores
from calibration_lab.scores import (
    RULES,
    best_report,
    brier,
    entropy,
    expected_loss,
    honest_value,
    largest_safe_beta,
    linear,
    log,
    penalise_only_wrong,
    properness_gap,
    reward,
    reward_table,
    savage,
    spherical,
    wrong_on_purpose_threshold,
)

PROPER = [brier(), log(), log(0.01), log(0.1), spherical()]
IMPROPER = [linear(), penalise_only_wrong()]
EVERY = PROPER + IMPROPER
by_name = pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
proper_only = pytest.mark.parametrize("rule", PROPER, ids=lambda rule: rule.name)

# --- raises ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1e-6, 1 + 1e-6, np.nan, np.inf])
@by_name
def test_losses_refuse_values_outside_the_unit_interval(rule, bad):
    for kind in (np.asarray, torch.tensor):
        with pytest.raises(ValueError, match=r"confidence must lie in \[0, 1\]; got"):
            rule.loss(kind([0.5, bad]), kind([1.0, 0.0]))
        with pytest.raises(ValueError, match=r"outcome must lie in \[0, 1\]; got"):
            rule.loss(kind([0.5, 0.5]), kind([1.0, bad]))


@pytest.mark.parametrize("clip", [0.0, 0.5, -0.1, np.nan])
def test_log_refuses_a_clip_outside_its_range(clip):
    with pytest.raises(ValueError, match="clip must lie in"):
        log(clip)


@pytest.mark.parametrize("beta", [-0.1, np.nan, np.inf])
def test_rewards_refuse_a_bad_beta(beta):
    with pytest.raises(ValueError, match="beta must be finite and at least 0"):
        reward(brier(), beta, 1, 0.5)
    with pytest.raises(ValueError, match="beta must be finite and at least 0"):
        wrong_on_purpose_threshold(brier(), beta)


@pytest.mark.parametrize("rule", IMPROPER, ids=lambda rule: rule.name)
def test_the_threshold_is_about_proper_rules(rule):
    with pytest.raises(ValueError, match="rule must be proper"):
        wrong_on_purpose_threshold(rule, 2.0)


@pytest.mark.parametrize("confidences", [[], [[0.5]], 0.5])
def test_reward_table_wants_a_vector(confidences):
    with pytest.raises(ValueError, match="confidences must be a non-empty vector"):
        reward_table(brier(), 1.0, confidences)


@pytest.mark.parametrize("function", [properness_gap, lambda rule, n: best_report(rule, 0.5, n)])
def test_grids_need_two_points(function):
    with pytest.raises(ValueError, match="must be at least 2"):
        function(brier(), 1)


def test_properness_of_a_rule_without_finite_honesty_is_refused():
    broken = scores.ScoringRule("broken", lambda c: c * 0 + np.inf, lambda c: c * 0)
    with pytest.raises(ValueError, match="broken"), np.errstate(invalid="ignore"):
        properness_gap(broken)


# --- hand arithmetic ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "if_right", "if_wrong"),
    [
        (brier(), (1 - 0.8) ** 2, 0.8**2),
        (log(), -np.log(0.8), -np.log(0.2)),
        (log(0.3), -np.log(0.7), -np.log(0.3)),
        (spherical(), 1 - 0.8 / np.sqrt(0.8**2 + 0.2**2), 1 - 0.2 / np.sqrt(0.8**2 + 0.2**2)),
        (linear(), 0.2, 0.8),
        (penalise_only_wrong(), 0.0, 0.64),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_losses_by_hand(rule, if_right, if_wrong):
    assert rule.loss(0.8, 1) == pytest.approx(if_right, abs=1e-15)
    assert rule.loss(0.8, 0) == pytest.approx(if_wrong, abs=1e-15)
    assert expected_loss(rule, 0.8, 0.3) == pytest.approx(0.3 * if_right + 0.7 * if_wrong)


def test_the_unclipped_log_score_is_infinite_and_never_nan():
    assert log().loss([0.0, 1.0, 0.0, 1.0], [1, 0, 0, 1]).tolist() == [np.inf, np.inf, 0, 0]
    assert expected_loss(log(), [0.0, 1.0], [0.0, 1.0]).tolist() == [0, 0]
    assert expected_loss(log(), 1.0, 0.5) == np.inf


def test_reward_and_its_table_by_hand():
    table = reward_table(brier(), 2.0, [0.0, 0.5, 1.0])
    assert table.tolist() == [[0.0, -0.5, -2.0], [1 - 2.0, 1 - 0.5, 1.0]]
    assert reward(brier(), 2.0, [0, 1], [0.5, 0.5]).tolist() == [table[0, 1], table[1, 1]]
    assert reward(penalise_only_wrong(), 1.0, [1, 0], [0.9, 0.9]).tolist() == [1.0, -0.81]


def test_beta_zero_is_the_binary_reward_even_where_the_loss_is_infinite():
    assert reward_table(log(), 0.0, [0.0, 1.0]).tolist() == [[0, 0], [1, 1]]


# --- closed forms ---------------------------------------------------------------------------------

P = np.arange(101) / 100


@proper_only
def test_proper_rules_reward_honesty_and_improper_ones_do_not(rule):
    assert properness_gap(rule) <= 1e-15


@pytest.mark.parametrize(
    ("rule", "gap"),
    [
        (linear(), 2 * 0.25 * 0.75 - 0.25),  # honest 2 p (1 - p) against min(p, 1 - p), at p = 1/4
        (penalise_only_wrong(), (1 - 2 / 3) * (2 / 3) ** 2),  # honest (1 - p) p**2 against 0
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_gap_of_improper_rules(rule, gap):
    assert properness_gap(rule, grid=1201) == pytest.approx(gap, abs=1e-6)


def test_entropies_in_closed_form():
    assert entropy(brier(), P) == pytest.approx(P * (1 - P), abs=1e-15)
    assert entropy(spherical(), P) == pytest.approx(1 - np.sqrt(P**2 + (1 - P) ** 2), abs=1e-15)
    assert entropy(log(), [0.0, 0.5, 1.0]) == pytest.approx([0, np.log(2), 0])
    assert entropy(linear(), P) == pytest.approx(np.minimum(P, 1 - P), abs=1e-15)
    assert entropy(penalise_only_wrong(), P).tolist() == [0.0] * 101


def test_best_reports():
    assert best_report(brier(), P) == pytest.approx(P, abs=1e-15)
    assert best_report(linear(), [0.1, 0.49, 0.51, 0.9]).tolist() == [0, 0, 1, 1]
    assert best_report(penalise_only_wrong(), [0.1, 0.9]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("known", "convex", "slope"),
    [
        (brier(), lambda p: p**2 - p, lambda p: 2 * p - 1),
        (
            spherical(),
            lambda p: (p**2 + (1 - p) ** 2) ** 0.5 - 1,
            lambda p: (2 * p - 1) / (p**2 + (1 - p) ** 2) ** 0.5,
        ),
    ],
    ids=["brier", "spherical"],
)
def test_savage_form_reproduces_the_named_rules(known, convex, slope):
    rule = savage("general", convex, slope)
    for outcome in (0, 1):
        assert rule.loss(P, outcome) == pytest.approx(known.loss(P, outcome), abs=1e-14)
    assert entropy(rule, P) == pytest.approx(-convex(P), abs=1e-14)


def test_a_new_convex_function_gives_a_new_proper_rule():
    quartic = savage(
        "quartic", lambda p: p**4 + (1 - p) ** 4, lambda p: 4 * p**3 - 4 * (1 - p) ** 3
    )
    assert properness_gap(quartic) <= 1e-15
    # S(0, 1) - S(0, 0) = -G'(0) = 4
    assert largest_safe_beta(quartic) == pytest.approx(1 / 4)


def test_a_concave_function_is_caught():
    wrong_sign = savage("wrong-sign", lambda p: p - p**2, lambda p: 1 - 2 * p)
    assert properness_gap(wrong_sign) == pytest.approx(1.0)


def test_honest_value_of_brier_is_the_square():
    assert honest_value(brier(), P, beta=1.0) == pytest.approx(P**2, abs=1e-15)


def test_honest_value_is_the_mean_reward_of_simulated_answers():
    generator = np.random.default_rng(0)
    n = 200_000
    for rule, p in [(brier(), 0.3), (log(), 0.3), (spherical(), 0.7)]:
        drawn = reward(rule, 1.0, generator.random(n) < p, np.full(n, p))
        assert drawn.mean() == pytest.approx(
            float(honest_value(rule, p, 1.0)), abs=4 * drawn.std() / np.sqrt(n)
        )


@pytest.mark.parametrize(
    ("rule", "safe"),
    [
        (brier(), 1.0),
        (spherical(), 1.0),
        (log(), 0.0),
        *[(log(e), 1 / np.log((1 - e) / e)) for e in (0.01, 0.05, 0.1)],
        (linear(), 1.0),
        (penalise_only_wrong(), np.inf),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_largest_safe_beta_in_closed_form(rule, safe):
    assert largest_safe_beta(rule) == pytest.approx(safe, rel=1e-12)


@pytest.mark.parametrize("rule", [brier(), spherical(), log(0.01), log(0.1)], ids=lambda r: r.name)
def test_the_scale_condition_is_where_honest_value_stops_being_monotone(rule):
    safe = largest_safe_beta(rule)
    fine = np.arange(100_001) / 100_000
    assert (np.diff(honest_value(rule, fine, safe)) >= -1e-14).all()
    assert (np.diff(honest_value(rule, fine, safe * 1.01)) < 0).any()


@by_name
def test_the_scale_condition_is_where_right_never_pays_less_than_wrong(rule):
    safe = largest_safe_beta(rule)
    if np.isinf(safe):
        safe = 1e6
    else:
        table = reward_table(rule, safe * 1.01 + 1e-9, P)
        assert (table[1] < table[0]).any()
    table = reward_table(rule, safe, P)
    assert (table[1] >= table[0] - 1e-14).all()


@pytest.mark.parametrize(
    ("rule", "beta", "threshold"),
    [
        *[(brier(), b, 1 - 1 / b) for b in (1.1, 1.5, 2.0, 4.0)],
        (brier(), 1.0, 0.0),
        (brier(), 0.25, 0.0),
        (spherical(), 1.0, 0.0),
        # p = beta (1 - sqrt(p^2 + (1-p)^2)) at beta = 2: (2 - p)^2 = 4 (2 p^2 - 2 p + 1), 7 p = 4
        (spherical(), 2.0, 4 / 7),
        (log(0.01), 0.2, 0.0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_threshold_in_closed_form(rule, beta, threshold):
    assert wrong_on_purpose_threshold(rule, beta) == pytest.approx(threshold, abs=1e-12)


def test_threshold_of_the_log_score():
    # p solves p = H(p) in nats, checked by substitution
    threshold = wrong_on_purpose_threshold(log(), 1.0)
    natural = -(threshold * np.log(threshold) + (1 - threshold) * np.log(1 - threshold))
    assert natural == pytest.approx(threshold, abs=1e-12)
    assert threshold == pytest.approx(0.648, abs=5e-4)
    assert wrong_on_purpose_threshold(log(0.01), 1.0) == pytest.approx(0.642, abs=5e-4)
    assert wrong_on_purpose_threshold(log(), 1e-6) == 0.0  # dips by less than the arithmetic shows


def test_threshold_is_one_if_even_a_sure_answer_pays_less_than_a_wrong_one():
    lopsided = scores.ScoringRule("lopsided", lambda c: 2 - c, lambda c: c * 0, proper=True)
    assert wrong_on_purpose_threshold(lopsided, 2.0) == 1.0


# --- properties -----------------------------------------------------------------------------------

unit = st.floats(0, 1)
quick = settings(max_examples=50, deadline=None, derandomize=True)


@by_name
@quick
@given(confidence=unit, outcome=st.sampled_from([0, 1]))
def test_losses_are_at_least_zero_and_zero_for_perfect_certainty(rule, confidence, outcome):
    assert rule.loss(confidence, outcome) >= 0
    # clipping moves certainty to 1 - clip, which costs -ln(1 - clip)
    free = -np.log(1 - 0.1) if rule.name.startswith("log(") else 0.0
    assert 0 <= rule.loss(float(outcome), outcome) <= free + 1e-15


@proper_only
@quick
@given(stated=unit, true=unit)
def test_no_report_beats_honesty(rule, stated, true):
    assert expected_loss(rule, stated, true) >= expected_loss(rule, true, true) - 1e-12


@pytest.mark.parametrize("rule", [*PROPER, linear()], ids=lambda rule: rule.name)
@quick
@given(step=st.integers(0, 1024))
def test_symmetric_rules_do_not_care_which_outcome_is_called_one(rule, step):
    confidence = step / 1024  # 1 - confidence is exact
    assert rule.loss(confidence, 1) == pytest.approx(rule.loss(1 - confidence, 0), rel=1e-12)


@by_name
def test_rules_pickle_and_compare(rule):
    assert pickle.loads(pickle.dumps(rule)).loss(0.3, 1) == rule.loss(0.3, 1)
    assert brier() == brier() == RULES["brier"]


def test_the_registry_files_every_rule_under_its_name():
    assert set(RULES) == {"brier", "log", "spherical", "linear", "penalise_only_wrong"}
    assert all(rule.name == name for name, rule in RULES.items())


# --- torch as the peer of numpy, and the gradients that training needs ----------------------------


@by_name
def test_torch_and_numpy_agree(rule):
    confidence = np.tile(P, 3)
    outcome = np.repeat([0.0, 1.0, 0.25], P.size)
    got = rule.loss(torch.tensor(confidence), torch.tensor(outcome))
    np.testing.assert_allclose(got.numpy(), rule.loss(confidence, outcome), rtol=1e-12, atol=1e-15)


@by_name
def test_integer_and_boolean_outcomes_and_mixed_inputs(rule):
    confidence = torch.tensor([0.25, 0.75])
    wanted = rule.loss(confidence, torch.tensor([0.0, 1.0]))
    assert wanted.dtype == torch.float32
    for outcome in (torch.tensor([0, 1]), torch.tensor([False, True]), np.array([0, 1]), [0, 1]):
        assert torch.equal(rule.loss(confidence, outcome), wanted)
    assert rule.loss(0.5, torch.tensor([0, 1])).shape == (2,)


@by_name
def test_gradients_match_the_difference_quotient(rule):
    confidence = torch.tensor([0.2, 0.5, 0.85], dtype=torch.float64, requires_grad=True)
    for outcome in (0.0, 1.0, 0.4):
        target = torch.full((3,), outcome, dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda c, t=target: rule.loss(c, t), (confidence,))


@by_name
def test_gradients_at_certainty_are_never_nan(rule):
    confidence = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    rule.loss(confidence, torch.tensor([0, 1, 1, 0])).sum().backward()
    assert not confidence.grad.isnan().any()
    right = confidence.grad[:2]
    assert torch.isfinite(right).all()  # what did not happen leaves no infinite gradient


@pytest.mark.parametrize("rule", [brier(), log(), spherical()], ids=lambda rule: rule.name)
def test_gradient_ascent_on_the_reward_finds_the_honest_report(rule):
    logit = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    truth = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64)
    optimizer = torch.optim.LBFGS([logit], max_iter=200, line_search_fn="strong_wolfe")

    def cost():
        optimizer.zero_grad()
        loss = -reward(rule, 1.0, truth, torch.sigmoid(logit)).sum()
        loss.backward()
        return loss

    optimizer.step(cost)
    assert torch.sigmoid(logit).detach().numpy() == pytest.approx(truth.numpy(), abs=1e-4)
