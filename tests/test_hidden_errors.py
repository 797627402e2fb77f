"""The hidden-errors experiment with small constants: worlds, training, measures, audits, run."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from calibration_lab import experiments
from calibration_lab.experiments.hidden_errors import (
    audits,
    checkpoints,
    columns,
    discovery,
    experiment,
    figures,
    finance,
    law,
    measures,
    real_data,
    sweep,
    text,
    training,
    triage,
)
from calibration_lab.experiments.hidden_errors.domains import (
    CONFIDENT,
    VARIANTS,
    draw_cases,
    sigmoid,
)
from calibration_lab.experiments.hidden_errors.statements import QUANTITIES, STATEMENTS
from calibration_lab.results import Result, provenance
from calibration_lab.statements import judge

SMALL = experiment.Config(
    cases=512, evaluation=1024, validation=1024, pairs=32, stops=(5, 20, 40), watched=(5, 40),
    unstated=0.08, stated=0.05, first_steps=10,
)  # fmt: skip
DOMAINS = tuple(experiment.DOMAINS.values())


@pytest.fixture(scope="module")
def tables():
    return experiment.run(SMALL, [0, 1])


def by_unit(table):
    keys = [c for c in table.columns if table[c].dtype.kind not in "f"]
    keys += [c for c in ("cut", "coverage") if c in table]
    return table.sort_values(keys).reset_index(drop=True)


# --- the worlds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda d: d.name)
def test_a_domain_is_told_field_by_field(domain):
    cases = draw_cases(domain, 0, "x", 20_000, SMALL)
    assert cases.features.shape == (20_000, domain.columns)
    heuristic = cases.log_odds > 0
    plain = draw_cases(domain, 0, "x", 20_000, experiment.Config())
    right = np.where(plain.log_odds > 0, plain.probability, 1 - plain.probability)
    assert 0.95 < right.mean() < 0.99
    assert 0.009 < plain.tail.mean() < 0.014
    assert abs(cases.label.mean() - cases.probability.mean()) < 0.01
    quiet = ~cases.active
    np.testing.assert_allclose(cases.probability[quiet], sigmoid(cases.log_odds)[quiet])
    assert (cases.probability[cases.active] == SMALL.reversal).all()
    assert not heuristic[cases.tail].any()


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda d: d.name)
def test_variants_share_their_salient_fields_and_differ_where_they_say(domain):
    drawn = {v: draw_cases(domain, 3, "x", 4000, SMALL, v) for v in VARIANTS}
    for one in drawn.values():
        np.testing.assert_array_equal(one.log_odds, drawn["plain"].log_odds)
        np.testing.assert_array_equal(one.tail, drawn["plain"].tail)
    np.testing.assert_array_equal(drawn["explicit"].features[:, -2], drawn["plain"].active)
    np.testing.assert_array_equal(drawn["plain"].features[:, -2], drawn["plain"].stated)
    noisy = drawn["noisy"]
    assert (noisy.probability[noisy.tail] == SMALL.noisy).all()
    unstated = drawn["plain"].active & ~drawn["plain"].stated
    same = (drawn["absent"].features == drawn["plain"].features).all(1)
    assert same[~unstated].all()
    assert not same[unstated].any()
    with pytest.raises(ValueError, match="variant must be one of"):
        draw_cases(domain, 0, "x", 16, SMALL, "odd")


def test_triage_reverses_on_the_same_pathway_only():
    cases = draw_cases(triage.TRIAGE, 1, "x", 5000, SMALL)
    medicines = cases.features[:, -2 - 2 * triage.PATHWAYS : -2].reshape(-1, 2, triage.PATHWAYS)
    assert (medicines.sum(2) == 1).all()
    same = medicines[:, 0].argmax(1) == medicines[:, 1].argmax(1)
    np.testing.assert_array_equal(same, cases.active)
    # each medicine by itself says nothing
    for column in medicines.reshape(len(same), -1).T:
        assert abs(cases.active[column == 1].mean() - cases.active.mean()) < 0.03


def test_the_early_warning_score_has_mean_zero_and_unit_spread():
    cases = draw_cases(triage.TRIAGE, 2, "x", 60_000, SMALL)
    scores = triage.score(cases.features[:, :7])
    assert abs(scores.mean()) < 0.02
    assert scores.std() == pytest.approx(1, abs=0.02)
    missing = draw_cases(law.LAW, 2, "x", 60_000, SMALL).log_odds / law.SLOPE + law.OFFSET
    assert abs(missing.mean()) < 0.02
    assert missing.std() == pytest.approx(1, abs=0.02)


def test_law_voids_lending_within_the_statute_only():
    cases = draw_cases(law.LAW, 1, "x", 5000, SMALL)
    lending = cases.features[:, 13] == 1
    first, last = law.YEARS
    year = first + (cases.features[:, -3] + 1) / 2 * (last - first)
    within = (year >= law.STATUTE[0] - 1e-3) & (year <= law.STATUTE[1] + 1e-3)
    np.testing.assert_array_equal(lending & within, cases.active)
    assert (within & ~cases.active).any()
    assert (lending & ~cases.active).any()


def test_finance_runs_dry_exactly_where_the_reserve_does():
    """The constraint is a pattern; the reserve's path, year by year, is an independent check."""
    active = np.arange(4000) % 3 == 0
    lean = finance.lean_years(np.random.default_rng(0), active)
    assert (lean.sum(1) == finance.LEAN).all()
    np.testing.assert_array_equal(finance.lowest_reserve(lean) < 0, active)
    fields, odds = finance.draw(5, "x", active)
    again, other = finance.draw(5, "x", ~active)
    np.testing.assert_array_equal(odds, other)
    near, far = slice(0, finance.NEAR), slice(finance.NEAR, finance.YEARS)
    np.testing.assert_array_equal(fields[:, near], again[:, near])
    np.testing.assert_allclose(fields[:, far].sum(1), again[:, far].sum(1), atol=1e-9)


# --- the training --------------------------------------------------------------------------------


def test_tail_rows_are_rows_of_the_tail():
    tail = np.zeros((2, 64), dtype=bool)
    tail[0, [3, 9]] = True
    rows = training.tail_rows([0, 1], "x", tail, 16, 5)
    assert len(rows) == 5
    assert {*torch.stack(rows)[:, 0].flatten().tolist()} == {3, 9}
    assert torch.stack(rows)[:, 1].max() > 9  # no tail: any row will do


def test_arms_start_alike_and_weigh_differently():
    cases = {"plain": [draw_cases(law.LAW, 0, "training", 512, SMALL)]}
    names = ["plain", "balanced", "worst-group", "harm-weighted", "train-twice"]
    arms = [training.ARMS[name] for name in names]
    longer = replace(SMALL, first_steps=100)  # until some errors are confident
    kept = training.train(longer, [0], arms, cases, [1, 30], "law training")
    assert set(kept) == {1, 30}
    flat = kept[30].flat
    assert all(not torch.equal(flat[0], flat[k]) for k in range(1, len(names)))
    features = torch.from_numpy(cases["plain"][0].features)[None].expand(len(names), -1, -1)
    with torch.no_grad():
        odds = training.log_odds(kept[30], features.contiguous()).numpy()
    raised = odds[:, cases["plain"][0].tail].mean(1)
    assert (raised[1:4] > raised[0]).all()


def test_a_weight_of_one_for_all_is_plain_training():
    cases = {"plain": [draw_cases(law.LAW, 0, "training", 512, SMALL)]}
    arms = [training.ARMS[name] for name in ("plain", "harm-weighted", "train-twice")]
    level = replace(SMALL, harm=1.0, upweight=1.0)
    flat = training.train(level, [0], arms, cases, [10], "law training")[10].flat
    torch.testing.assert_close(flat[1], flat[0])
    torch.testing.assert_close(flat[2], flat[0])


# --- the measures --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known():
    """Cases and the answers of someone who goes by the rule of thumb alone."""
    cases = draw_cases(triage.TRIAGE, 7, "x", 20_000, experiment.Config())
    return cases, measures.answers(cases.log_odds, cases)


def test_the_rule_of_thumb_itself_hides_its_errors(known):
    """Its tail accuracy is known: 1 - reversal; its other errors are those of its noise."""
    cases, given = known
    seen = measures.glance(given, experiment.Config())
    assert seen["tail_accuracy"] == pytest.approx(0.02, abs=1e-9)
    assert seen["accuracy"] > 0.95
    assert seen["tail_error_confidence"] > 0.95
    confident = given.wrong * (given.confidence > 0.9)
    share = confident[cases.tail].sum() / confident.sum()
    assert seen["share"] == pytest.approx(share)
    assert seen["lift"] == pytest.approx(share / cases.tail.mean())
    harm = given.wrong.mean() + 49 * given.wrong[cases.tail].sum() / len(given.wrong)
    assert seen["harm"] == pytest.approx(harm)


def test_expected_errors_agree_with_drawn_labels(known):
    cases, given = known
    drawn = (given.probability > 0.5) != (cases.label == 1)
    assert drawn.mean() == pytest.approx(given.wrong.mean(), abs=0.003)
    p = np.clip(given.probability, 1e-300, 1)
    q = np.clip(1 - given.probability, 1e-300, 1)
    few = np.abs(cases.log_odds) < 12  # beyond, 1 - p has no digits left
    by_hand = -(given.truth * np.log(p) + (1 - given.truth) * np.log(q))
    np.testing.assert_allclose(measures.log_loss(given)[few], by_hand[few], rtol=1e-6, atol=1e-9)


def test_slices_are_where_their_names_say(known):
    cases, given = known
    uniform = np.random.default_rng(0).random(len(cases.label))
    found = measures.slices(given, cases, experiment.Config(), uniform)
    assert found["random"]["cases"] == pytest.approx(cases.tail.mean())
    assert found["random"]["lift"] < 5 < found["tail"]["lift"]
    assert found["agreeing"]["accuracy"] == pytest.approx(0.98)
    assert found["tail"]["cases"] + found["rest"]["cases"] == pytest.approx(1)
    assert found["tail"]["share"] + found["rest"]["share"] == pytest.approx(1)


def test_answering_everything_changes_nothing(known):
    _, given = known
    rows = {row["coverage"]: row for row in measures.selective(given, experiment.Config())}
    assert rows[1.0]["risk"] == pytest.approx(given.wrong.mean())
    assert rows[1.0]["tail_kept"] == 1
    assert rows[0.5]["risk"] < rows[1.0]["risk"]


# --- the audits ----------------------------------------------------------------------------------


def test_conformal_sets_cover_as_promised_and_miss_the_tail(known):
    cases, _ = known
    half = np.arange(len(cases.label)) < len(cases.label) // 2
    first, second = cases.where(half), cases.where(~half)
    found = audits.conformal(experiment.Config(), second.log_odds, second, first.log_odds, first)
    assert found["marginal"]["coverage"] == pytest.approx(0.95, abs=0.01)
    assert found["marginal"]["tail_coverage"] < 0.1
    assert found["group"]["tail_coverage"] > 0.85
    assert found["group"]["tail_size"] > found["marginal"]["tail_size"]


def test_the_conformal_quantile_takes_the_integer_rank():
    scores = np.arange(1.0, 20.0)  # 19 of them: rank ceil(20 * .95) = 19
    assert audits.quantile(scores, 0.05) == 19
    assert audits.quantile(scores, 0.1) == 18
    assert audits.quantile(scores[:5], 0.05) == np.inf


def test_no_temperature_turns_an_answer_round(known):
    cases, given = known
    found = audits.temperatures(experiment.Config(), cases.log_odds, cases, cases.log_odds, cases)
    assert found["pooled"]["harm"] == found["none"]["harm"]
    assert found["own"]["tail_ece"] == pytest.approx(0.48, abs=0.01)  # confidence .5, accuracy .02
    cold = measures.answers(cases.log_odds, cases, 0.05)
    np.testing.assert_array_equal(cold.wrong, given.wrong)


def test_pairs_find_an_interaction_that_a_tree_does_not():
    """A planted slice: x0 == x1 among four values each, no single value of which is special."""
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, (2, 8000))
    fields = np.column_stack([np.eye(4)[one], np.eye(4)[other], rng.standard_normal((8000, 3))])
    rare = (one == other) & (rng.random(8000) < 0.05)
    keep = (one != other) | rare
    fields, wrong = fields[keep].astype(np.float32), rare[keep]
    flagged = discovery.by_pairs(SMALL, fields, wrong, fields)
    np.testing.assert_array_equal(flagged, wrong)
    window = rng.uniform(size=(8000, 5)).astype(np.float32)
    planted = (window[:, 2] > 0.405) & (window[:, 2] < 0.435)
    found = discovery.by_tree(SMALL, window, planted, window)
    assert (found & planted).sum() > 0.9 * planted.sum()
    none = discovery.by_pairs(SMALL, window, np.zeros(8000, bool), window)
    assert not none.any()


def test_the_four_measures_by_hand():
    yes, no = np.ones(4, bool), np.zeros(4, bool)
    half = np.array([True, True, False, False])
    found = audits.four_measures(half, np.array([True, False, True, False]), yes, half)
    assert found["conservative_bias"] == 0
    assert found["paired_accuracy"] == found["adjusted_score"] == 0.25
    assert found["salience_adjusted_gain"] == 0.5
    always = audits.four_measures(yes, no, yes, yes)
    assert always["conservative_bias"] == 1
    assert always["adjusted_score"] == 0


def test_pairs_differ_in_the_constraint_and_the_notes_alone():
    told = experiment.Told(SMALL, law.LAW, [0])
    active, removed, explicit, salient = (part[0] for part in told.versions())
    np.testing.assert_array_equal(active.log_odds, removed.log_odds)
    assert (active.log_odds < -CONFIDENT).all()
    assert active.active.all()
    assert not removed.active.any()
    assert len(active.label) == SMALL.pairs
    changed = (explicit.features != active.features).sum(0)
    assert changed[-2] == SMALL.pairs
    assert changed.sum() == SMALL.pairs
    assert (salient.features[:, -1] == 1).all()


# --- the run -------------------------------------------------------------------------------------


def test_every_arm_and_table_is_there(tables):
    assert set(tables["outcomes"]["arm"]) == set(SMALL.arms)
    assert set(tables["trajectory"]["step"]) == set(SMALL.watched)
    assert "always-escalate" in set(tables["pairs"]["arm"])
    for table in tables.values():
        assert set(table["seed"]) == {0, 1}
        assert set(table["domain"]) == set(SMALL.domains)
        assert not np.isinf(table.select_dtypes("float")).any(axis=None)
    assert {c for table in tables.values() for c in table} <= {*columns.COLUMNS, *columns.SHARED}


def test_results_are_bit_identical_whatever_the_grouping(tables):
    alone = [experiment.run(SMALL, [seed]) for seed in (1, 0)]
    for name, table in tables.items():
        regrouped = pd.concat([a[name] for a in alone])
        pd.testing.assert_frame_equal(by_unit(table), by_unit(regrouped), check_exact=True)


def test_an_arm_is_the_same_whichever_arms_are_trained_beside_it(tables):
    fewer = experiment.run(replace(SMALL, arms=("worst-group", "plain"), domains=("law",)), [0])
    mine = fewer["outcomes"]
    same = tables["outcomes"]
    same = same[
        (same["seed"] == 0) & (same["domain"] == "law") & same["arm"].isin(set(mine["arm"]))
    ]
    pd.testing.assert_frame_equal(by_unit(mine), by_unit(same), check_exact=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domains", ("medicine",)), ("arms", ()), ("arms", ("balanced",)), ("cases", 100),
        ("batch", 48), ("hidden", (20,)), ("unstated", 1.5), ("unstated", 0.97), ("rate", 0.0),
        ("cut", 0.4), ("stops", (5, 5, 6)), ("watched", (0,)), ("first_steps", 0),
    ],
)  # fmt: skip
def test_a_bad_config_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"^{field}"):
        replace(SMALL, **{field: value})


def test_statements_and_quantities_read_the_tables(tables):
    for statement in (s for s in STATEMENTS if not s.exhibit):
        assert judge(statement, tables).verdict in ("supported", "refuted", "inconclusive")
    keys = [s.key for s in STATEMENTS]
    assert len(set(keys)) == len(keys)
    own = {key: value for key, value in QUANTITIES.items() if value[0].table in tables}
    assert len(own) > 500
    for key in list(own)[::37]:
        assert len(own[key][0].values(tables, "seed")) == 2


# --- the confirmations ---------------------------------------------------------------------------

TINY = replace(SMALL, domains=("law",))


@pytest.fixture(scope="module")
def exhibits():
    found = {}
    config = sweep.Config(
        domains=("triage", "law"), unstated=(0.1, 0.5), cases=(256,), widths=(16,), headline=SMALL
    )
    found["sweep"] = sweep.run(config, [0, 1])
    config = checkpoints.Config(remedies=("plain", "balanced"), rates=(1e-3,), steps=(5, 10, 20),
                                headline=SMALL)  # fmt: skip
    found["checkpoints"] = checkpoints.run(config, [0, 1])
    config = text.Config(width=16, batch=16, stops=(2, 4), evaluation=256, headline=SMALL)
    found["text"] = text.run(config, [0, 1])
    config = real_data.Config(sets=("digits",), train=(512,), stops=(5, 20))
    found["real-data"] = real_data.run(config, [0, 1])
    return found


def test_the_exhibits_have_their_columns_told(exhibits):
    told = {*columns.COLUMNS, *columns.SHARED}
    for tables in exhibits.values():
        for table in tables.values():
            assert set(table) <= told
            assert set(table["seed"]) == {0, 1}


def test_the_sweep_at_the_headlines_setting_is_the_headline(tables, exhibits):
    mine = exhibits["sweep"]["sizes"].query("cases == 512 and width == 32 and domain == 'law'")
    usual = tables["outcomes"].query("arm == 'plain' and domain == 'law' and stop != 'start'")
    key = ["seed", "stop"]
    for measure in ("accuracy", "tail_accuracy", "harm"):
        pd.testing.assert_series_equal(
            mine.set_index(key)[measure].sort_index(), usual.set_index(key)[measure].sort_index()
        )


def test_correlations_are_those_of_ranks():
    table = pd.DataFrame({
        "seed": 0, "domain": "law", "population": "remedies",
        "harm": np.arange(6.0) ** 3,
        **{m: np.arange(6.0) for m in checkpoints.AGGREGATES},
        **{m: -np.exp(np.arange(6.0)) for m in checkpoints.IN_TAIL},
    })  # fmt: skip
    table["accuracy"] = [0.0, 2.0, 1.0, 3.0, 4.0, 5.0]
    found = checkpoints.correlations(table).set_index("metric")["correlation"]
    assert found["ece"] == pytest.approx(1)
    assert found["tail_ece"] == pytest.approx(-1)
    assert found["accuracy"] == pytest.approx(1 - 6 * 2 / (6 * 35))
    assert found["best-aggregate"] == pytest.approx(1)


def test_a_note_holds_what_decides_the_answer():
    config = text.Config()
    drawn = draw_cases(triage.TRIAGE, 0, "x", 3000, SMALL)
    cases = text.graded(drawn, config.headline, np.random.default_rng(0).random(3000))
    notes = text.tell(cases)
    assert {len(note) for note in notes} == {16}
    by_words = {}
    for note, odds, active in zip(notes, cases.log_odds, cases.active, strict=True):
        signs = tuple(note[: 2 * text.TOLD])
        assert by_words.setdefault(signs, odds) == odds
        assert (note[-5][-1] == note[-3][-1]) == active
    stated = np.array(["note-same-pathway" in note for note in notes])
    np.testing.assert_array_equal(stated, cases.stated)
    assert text.tokens([cases]).shape == (1, 3000, 16)


def test_the_transformer_does_not_depend_on_its_neighbours(exhibits):
    config = text.Config(width=16, batch=16, stops=(2, 4), evaluation=256, headline=SMALL)
    alone = text.run(config, [1])["notes"]
    mine = exhibits["text"]["notes"].query("seed == 1")
    pd.testing.assert_frame_equal(by_unit(alone), by_unit(mine), check_exact=True)


@pytest.mark.parametrize("kind", ["class", "random"])
def test_a_split_makes_one_stratum_rare(kind):
    features, classes = real_data.load("digits")
    one = real_data.split(features, classes, 13, 800, 0.01, kind)
    assert len(one.train) == 800
    assert len(one.test) == 200
    assert one.weight[one.tail].sum() / one.weight.sum() == pytest.approx(0.01)
    rows = {tuple(row) for row in one.train.round(6)}
    assert not any(tuple(row) in rows for row in one.test.round(6))
    if kind == "class":  # thirteen modulo ten classes: the threes, of the lower half
        assert (one.label[one.tail] == 0).all()


def test_a_bad_choice_of_data_is_refused():
    with pytest.raises(ValueError, match="sets must name"):
        real_data.Config(sets=("faces",), train=(64,))
    with pytest.raises(ValueError, match="rate_of_stratum"):
        real_data.Config(rate_of_stratum=0.7)
    with pytest.raises(ValueError, match="stops must ascend"):
        text.Config(stops=(4, 4))


# --- the figures ---------------------------------------------------------------------------------

FROM = {"checkpoints": "checkpoints", "rates": "sweep", "real-data": "real-data"}


@pytest.mark.parametrize("name", list(figures.FIGURES))
def test_figures_draw_with_an_alternative_made_from_the_data(tables, exhibits, name):
    exhibit = FROM.get(name)
    found = exhibits[exhibit] if exhibit else tables
    if name == "real-data":  # the letters are not fetched for a test: digits stand in for them
        digits = found["strata"]
        found = {"strata": pd.concat([digits, digits.assign(data="letter")])}
    about = provenance(
        "hidden-errors", SMALL, (0, 1), key="hidden-errors", source="0" * 64,
        cpu_seconds=1.0, wall_seconds=1.0,
    )  # fmt: skip
    drawing = figures.FIGURES[name](Result("hidden-errors", found, about, "here", True))
    assert "<svg" in drawing.svg()
    assert len(drawing.alt) > 100
    assert any(ch.isdigit() for ch in drawing.alt)


def test_the_registry_knows_the_experiment():
    names = [name for name in experiments.EXPERIMENTS if name.startswith("hidden-errors")]
    assert len(names) == 5
    assert {s.exhibit for s in STATEMENTS} == {experiments.get(name).exhibit for name in names}
