from __future__ import annotations

import copy
import datetime as dt
import importlib.util
import json
import math

import numpy as np
import pandas as pd
import pytest

from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    Control,
    DeclaredOn,
    Detects,
    Difference,
    Equivalent,
    Exact,
    Judgement,
    Law,
    Measured,
    Statement,
    check_declaration,
    declaration_digest,
    holm_verdicts,
    judge,
    read_ledger,
    rows_of,
    with_declaration,
)
from calibration_lab.statements.declarations import ledger_text
from calibration_lab.uncertainty import cluster_mean_interval, mean_interval, split_mean_interval

N = 32
RNG = np.random.default_rng(3)
DATE = dt.date(2026, 1, 31)


def column(center, spread=0.01, n=N):
    noise = RNG.normal(size=n)
    return center + spread * (noise - noise.mean())


def tables(n=N, **columns):
    """One table with a column per measure: scalars are centres of noisy columns."""
    data = {k: column(v, n=n) if np.isscalar(v) else v for k, v in columns.items()}
    return {"outcomes": pd.DataFrame({"seed": np.arange(1000, 1000 + n)} | data)}


def statement(test, units=N, **named):
    fields = {"key": "lab/sentence", "text": "A sentence.", "truth": "empirical"} | named
    return Statement(test=test, units=units, **fields)


def control(test, key="null", units=N, **named):
    return Control(key=key, text="A control.", truth="empirical", test=test, units=units, **named)


def mean_of_x(tables, units, column="x"):
    """Mean of a column over the drawn units."""
    frame = tables["outcomes"]
    return float(rows_of(frame, units)[column].mean())


def doubled(tables, column="x"):
    return 2 * tables["outcomes"].set_index("seed")[column]


EFFECT, OTHER = Measured("x"), Measured("y")

LONG = {
    "outcomes": pd.DataFrame(
        {
            "seed": np.repeat([1, 2, 3], 4),
            "arm": ["binary", "binary", "brier", "brier"] * 3,
            "inputs": [2, 4] * 6,
            "ece": np.arange(12.0),
            "steps": [7, 7, 9, 9] * 3,
        }
    )
}


# --- what is measured


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (Measured("ece", table="curves"), r"table 'curves' .*outcomes"),
        (
            Measured("ecee", arm="brier", inputs=2),
            r"measure 'ecee' .*arm, ece, inputs, seed, steps",
        ),
        (Measured("ece", harm="brier"), r"factor 'harm' .*arm, ece"),
        (Measured("ece", arm="brie", inputs=2), r"level 'brie' .*binary, brier"),
        (Measured("ece", arm="brier"), r"several rows per seed; inputs still vary$"),
        (Measured("ece"), r"several rows per seed; arm, inputs, steps still vary"),
        (Measured("arm", arm="brier", inputs=2), "must be numbers"),
        (Computed(doubled, column="arm"), "some have several"),
    ],
)
def test_values_that_cannot_be_looked_up(value, match):
    with pytest.raises(ValueError, match=match):
        value.values(LONG, "seed")


def test_unknown_unit_names_the_columns():
    with pytest.raises(ValueError, match=r"unit 'item' .*seed"):
        Measured("ece", arm="brier", inputs=2).values(LONG, "item")


def test_a_unit_without_a_row_is_an_error_not_a_gap():
    thinned = {"outcomes": LONG["outcomes"].drop(index=2)}
    with pytest.raises(ValueError, match="no row for seed 1"):
        Measured("ece", arm="brier", inputs=2).values(thinned, "seed")


def test_repeated_rows_are_an_error():
    doubled_rows = {"outcomes": pd.concat([LONG["outcomes"]] * 2)}
    with pytest.raises(ValueError, match="repeat each other"):
        Measured("steps", arm="brier", inputs=2, ece=2.0, seed=1).values(
            {"outcomes": doubled_rows["outcomes"].query("seed == 1")}, "seed"
        )


def test_sides_of_a_difference_need_the_same_units():
    both = {"outcomes": LONG["outcomes"], "more": pd.DataFrame({"seed": [1, 2], "ece": [0.0, 1]})}
    pair = Measured("ece", arm="brier", inputs=2) - Measured("ece", table="more")
    with pytest.raises(ValueError, match="cannot be paired: seed 3"):
        pair.values(both, "seed")


def test_values_by_hand():
    binary = Measured("ece", arm="binary", inputs=2)
    brier = Measured("ece", inputs=2, arm="brier")
    assert binary.values(LONG, "seed").to_dict() == {1: 0, 2: 4, 3: 8}
    assert (brier - binary).values(LONG, "seed").tolist() == [2, 2, 2]
    assert (10 - brier).values(LONG, "seed").tolist() == [8, 4, 0]
    assert (brier - 2).values(LONG, "seed").tolist() == [0, 4, 8]
    assert ((brier - binary) - (binary - brier)).values(LONG, "seed").tolist() == [4, 4, 4]
    assert (
        str(binary - (brier - 1.5))
        == "ece[arm=binary, inputs=2] - (ece[arm=brier, inputs=2] - 1.5)"
    )


def test_values_do_not_depend_on_row_order():
    shuffled = {"outcomes": LONG["outcomes"].sample(frac=1, random_state=0)}
    value = Measured("ece", arm="brier", inputs=4)
    pd.testing.assert_series_equal(value.values(shuffled, "seed"), value.values(LONG, "seed"))


def test_undefined_measurements_count_as_declared_before_the_difference():
    data = tables(n=3, x=[math.nan, 0.8, math.inf], y=[0.6, math.nan, 0.7])
    value = EFFECT - OTHER
    assert value.values(data, "seed").isna().tolist() == [True, True, True]
    assert value.values(data, "seed", 0.5).tolist() == pytest.approx([-0.1, 0.3, -0.2])


def test_values_are_hashable_and_compare_by_declaration():
    assert Measured("ece", arm="a", inputs=2) == Measured("ece", inputs=2, arm="a")
    assert len({EFFECT - OTHER, Difference(EFFECT, OTHER), Computed(doubled)}) == 2


def test_rows_of_repeats_units():
    frame = pd.DataFrame({"seed": [3, 1, 3, 2], "x": [0, 1, 2, 3]})
    assert rows_of(frame, np.array([3, 1, 3]))["x"].tolist() == [0, 2, 1, 0, 2]


@pytest.mark.parametrize("function", [lambda tables: None, len, "doubled"])
def test_functions_must_stand_at_the_top_of_a_module(function):
    with pytest.raises(ValueError, match="top of a module"):
        Computed(function)
    with pytest.raises(ValueError, match="top of a module"):
        Law(function, 0.5, 0.1)


# --- declarations that are refused


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: statement(AtLeast(EFFECT, 0), key="Lab/x"), "key must look like"),
        (lambda: statement(AtLeast(EFFECT, 0), key="sentence"), "key must look like"),
        (lambda: statement(AtLeast(EFFECT, 0), text=" "), "text"),
        (lambda: statement(AtLeast(EFFECT, 0), truth="true"), "truth"),
        (lambda: statement(AtLeast(EFFECT, 0), unit="run"), "unit"),
        (lambda: statement(AtLeast(EFFECT, 0), units=1), "units"),
        (lambda: statement(Exact(EFFECT, 0), units=0), "units"),
        (lambda: statement("at least 0"), "kind of test"),
        (lambda: statement(AtLeast(EFFECT, 0), unit="split"), "test_fraction"),
        (lambda: statement(AtLeast(EFFECT, 0), test_fraction=0.2), "test_fraction"),
        (
            lambda: statement(AtLeast(EFFECT, 0), unit="split", test_fraction=0.2, cluster="c"),
            "share their data",
        ),
        (
            lambda: statement(Law(mean_of_x, 0, 1), unit="split", test_fraction=0.2),
            "share their data",
        ),
        (lambda: statement(AtLeast(EFFECT, 0), controls=("null",)), "controls"),
        (lambda: control(AtLeast(EFFECT, 0), key="Not this"), "key of a control"),
        (lambda: AtLeast(EFFECT, math.nan), "threshold"),
        (lambda: AtLeast("x", 0), "value"),
        (lambda: Equivalent(EFFECT, 0), "margin"),
        (lambda: Equivalent(EFFECT, math.nan), "margin"),
        (lambda: Detects(EFFECT, -1), "margin"),
        (lambda: Law(mean_of_x, math.inf, 1), "prediction"),
        (lambda: Law(mean_of_x, 0, 0), "margin"),
        (lambda: Exact(EFFECT, -1), "tolerance"),
        (lambda: AllOf(AtLeast(EFFECT, 0)), "two or more"),
        (lambda: AllOf(AtLeast(EFFECT, 0), AllOf(AtLeast(EFFECT, 0), Exact(EFFECT, 1))), "AllOf"),
    ],
)
def test_declarations_that_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_an_equivalence_needs_a_positive_control():
    with pytest.raises(ValueError, match="needs a positive control"):
        statement(Equivalent(EFFECT, 0.1))
    with pytest.raises(ValueError, match="needs a positive control"):
        statement(AllOf(AtLeast(OTHER, 0), Equivalent(EFFECT, 0.1)))
    with pytest.raises(ValueError, match="same measure"):
        Equivalent(EFFECT, 0.1, detects=OTHER)
    assert control(Equivalent(EFFECT, 0.1)).positive_controls() == ()


# --- verdicts


@pytest.mark.parametrize(
    ("effect", "threshold", "verdict", "reason"),
    [
        (0.5, 0.4, "supported", ""),
        (0.5, 0.6, "refuted", "too small"),
        (-0.5, 0.4, "refuted", "opposite"),
        (-0.5, 0.0, "refuted", "opposite"),
        (-0.5, -0.4, "refuted", "too small"),
        (0.5, 0.5, "inconclusive", "the interval reaches across 0.5"),
    ],
)
def test_at_least(effect, threshold, verdict, reason):
    found = judge(statement(AtLeast(EFFECT, threshold)), tables(x=effect))
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.kind == f"at least {threshold:g}"
    assert (found.p_value <= 0.05) == (verdict != "inconclusive")
    assert found.effect == pytest.approx(effect)


def test_at_least_reports_what_uncertainty_computes():
    data = tables(x=0.5)
    found = judge(statement(AtLeast(EFFECT, 0.4)), data)
    assert found.interval == mean_interval(data["outcomes"]["x"])
    assert found.share.estimate == 1
    assert found.share.low == pytest.approx(0.025 ** (1 / N))
    reach = found.smallest_detectable - 0.4
    assert reach == pytest.approx((2.04 + 0.85) * 0.01 / math.sqrt(N), rel=0.25)


@pytest.mark.parametrize(
    ("effect", "verdict", "reason"),
    [
        (0.02, "supported", ""),
        (0.3, "refuted", "the difference exceeds the margin"),
        (-0.3, "refuted", "the difference exceeds the margin"),
        (0.1, "inconclusive", "the interval reaches across 0.1"),
    ],
)
def test_equivalent_and_its_mirror_image(effect, verdict, reason):
    data = tables(x=effect)
    found = judge(control(Equivalent(EFFECT, 0.1)), data)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert (found.p_value <= 0.05) == (verdict != "inconclusive")
    mirror = {"supported": "refuted", "refuted": "supported", "inconclusive": "inconclusive"}
    assert judge(control(Detects(EFFECT, 0.1)), data).verdict == mirror[verdict]


def test_an_interval_across_both_margins_is_inconclusive():
    found = judge(control(Equivalent(EFFECT, 0.001)), tables(x=0.0))
    assert (found.verdict, found.reason) == (
        "inconclusive",
        "the interval reaches across -0.001 and 0.001",
    )


@pytest.mark.parametrize(
    ("prediction", "verdict", "reason"),
    [
        (0.52, "supported", ""),
        (0.7, "refuted", "too low for the law"),
        (0.3, "refuted", "too high for the law"),
        (0.6, "inconclusive", "the interval reaches across 0.5"),
    ],
)
def test_law(prediction, verdict, reason):
    data = tables(x=column(0.0), y=column(0.5))
    law = Law(mean_of_x, prediction, 0.1, column="y")
    found = judge(statement(law), data, resamples=499)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.kind == f"law: {prediction:g} within 0.1"
    assert found.measured == "mean_of_x[column=y]"
    assert found.effect == pytest.approx(0.5)
    assert found.units == N


@pytest.mark.parametrize(
    ("tolerance", "verdict"), [(0.03, "supported"), (0.02, "supported"), (0.01, "refuted")]
)
def test_exact(tolerance, verdict):
    found = judge(statement(Exact(EFFECT, tolerance), 3), tables(n=3, x=[0.01, -0.02, 0]))
    assert (found.verdict, found.effect, found.interval) == (verdict, 0.02, None)
    assert math.isnan(found.p_value)


def test_exact_needs_no_second_unit():
    found = judge(statement(Exact(EFFECT, 0), 1), tables(n=1, x=[0.0]))
    assert found.verdict == "supported"


@pytest.mark.parametrize(
    ("x", "y", "verdict", "weakest"),
    [
        (0.5, 0.2, "supported", "part 2 of 2: at least"),
        (0.5, -0.2, "refuted", "part 2 of 2: opposite"),
        (0.1, -0.2, "refuted", "part 2 of 2: opposite"),
        (0.1, 0.5, "inconclusive", "part 1 of 2: the interval"),
    ],
)
def test_all_of(x, y, verdict, weakest):
    test = AllOf(AtLeast(EFFECT, 0.1), AtLeast(OTHER, 0.1))
    data = tables(x=column(x, 0.01), y=column(y, 0.05))
    found = judge(statement(test), data)
    assert found.verdict == verdict
    assert [part.interval.level for part in found.parts] == pytest.approx([0.975, 0.975])
    assert [part.key for part in found.parts] == ["lab/sentence/part-1", "lab/sentence/part-2"]
    assert found.kind == "all of: at least 0.1; at least 0.1"
    chosen = found.parts[int(weakest[5]) - 1]
    assert (found.effect, found.interval) == (chosen.effect, chosen.interval)
    assert found.p_value == pytest.approx(min(1, 2 * chosen.p_value))
    assert (found.p_value <= 0.05) == (verdict != "inconclusive")
    if verdict != "supported":
        assert found.reason.startswith(weakest)


def test_all_of_may_hold_exact_parts():
    test = AllOf(Exact(EFFECT, 0.1), AtLeast(OTHER, 0.1))
    assert judge(statement(test), tables(x=0.0, y=0.2)).verdict == "supported"
    found = judge(statement(test), tables(x=0.5, y=0.2))
    assert (found.verdict, found.interval) == ("refuted", None)
    assert judge(statement(AllOf(Exact(EFFECT, 1), Exact(OTHER, 1))), tables(x=0.0, y=0.2))


def test_bonferroni_makes_a_part_harder():
    data = tables(x=column(0.0385, 0.1), y=1.0)
    assert judge(statement(AtLeast(EFFECT, 0)), data).verdict == "supported"
    test = AllOf(AtLeast(EFFECT, 0), *[AtLeast(OTHER, 0)] * 9)
    assert judge(statement(test), data).verdict == "inconclusive"


# --- too little to judge by


@pytest.mark.parametrize(
    "test", [AtLeast(EFFECT, 0), Exact(EFFECT, 1), Law(mean_of_x, 0.5, 0.1)], ids=str
)
def test_too_few_units(test):
    found = judge(statement(test), tables(n=20, x=0.5), resamples=199)
    assert (found.verdict, found.reason) == ("inconclusive", "too few units: 20 of the 32 declared")
    assert found.effect > 0.4


def test_more_units_than_declared_are_welcome():
    assert judge(statement(AtLeast(EFFECT, 0), 16), tables(x=0.5)).units == N


def test_undefined_values_are_not_dropped():
    x = column(0.5)
    x[[3, 7]] = math.nan
    found = judge(statement(AtLeast(EFFECT, 0)), tables(x=x))
    assert (found.verdict, found.reason) == ("inconclusive", "2 of 32 values are undefined")
    declared = judge(statement(AtLeast(EFFECT, 0), undefined=0.5), tables(x=x))
    assert declared.verdict == "supported"
    assert declared.units == N


def test_undefined_values_of_exact_and_all_of():
    x = column(0.5)
    x[0] = math.nan
    assert judge(statement(Exact(EFFECT, 9)), tables(x=x)).verdict == "inconclusive"
    test = AllOf(AtLeast(EFFECT, 0), AtLeast(OTHER, 0))
    found = judge(statement(test), tables(x=x, y=0.5))
    assert (found.verdict, found.reason) == (
        "inconclusive",
        "part 1 of 2: 1 of 32 values are undefined",
    )


def test_a_constant_needs_bounds():
    data = tables(x=np.ones(N))
    assert "constant" in judge(statement(AtLeast(EFFECT, 0.5)), data).reason
    found = judge(statement(AtLeast(EFFECT, 0.5), bounds=(0, 1)), data)
    assert (found.verdict, found.interval.high) == ("supported", 1)
    assert found.interval.low < 0.9
    assert judge(statement(AtLeast(EFFECT, 0.95), bounds=(0, 1)), data).verdict == "inconclusive"


def test_bounds_of_a_test_override_those_of_the_statement():
    data = tables(x=np.ones(N), y=5.0)
    test = AllOf(AtLeast(EFFECT, 0.5, bounds=(0, 1)), AtLeast(OTHER, 4))
    assert judge(statement(test), data).verdict == "supported"


def test_values_outside_declared_bounds_are_an_error():
    with pytest.raises(ValueError, match="declared bounds"):
        judge(statement(AtLeast(EFFECT, 0), bounds=(0, 1)), tables(x=5.0))


def test_a_bimodal_outcome_reports_the_share_with_the_sign():
    x = np.r_[np.full(24, 0.9), np.full(8, -0.1)] + 0.001 * np.arange(N)
    found = judge(statement(AtLeast(EFFECT, 0), bounds=(-1, 1)), tables(x=x))
    assert found.share.estimate == 0.75
    assert found.share.low == pytest.approx(0.566, abs=0.001)  # R: binom.test(24, 32)
    assert judge(statement(AtLeast(EFFECT, 0)), tables(x=-x)).share.estimate == 0.75


# --- controls


@pytest.mark.parametrize("center", [0.5, -0.5])
@pytest.mark.parametrize(("null", "verdict"), [(0.3, "refuted"), (0.05, "inconclusive")])
def test_a_control_caps_its_parent_whichever_way_it_went(center, null, verdict):
    alone = {0.5: "supported", -0.5: "refuted"}[center]
    guarded = statement(AtLeast(EFFECT, 0.1), controls=(control(Equivalent(OTHER, 0.05)),))
    found = judge(guarded, tables(x=center, y=null))
    assert found.verdict == "inconclusive"
    assert found.reason.startswith(f"{alone} alone, but control null is {verdict}")
    assert [one.verdict for one in found.controls] == [verdict]
    assert judge(guarded, tables(x=center, y=0.0)).verdict == alone


def test_an_inconclusive_parent_keeps_its_own_reason():
    guarded = statement(AtLeast(EFFECT, 0.1), controls=(control(Equivalent(OTHER, 0.05)),))
    assert judge(guarded, tables(x=0.1, y=0.3)).reason == "the interval reaches across 0.1"


def test_the_positive_control_of_an_equivalence():
    known = Measured("x", table="known")
    declared = statement(Equivalent(EFFECT, 0.1, detects=known))
    blind = tables(x=0.0) | {"known": tables(x=0.01)["outcomes"]}
    for center in (0.5, -0.5):  # either direction shows that the measure sees something
        seeing = tables(x=0.0) | {"known": tables(x=center)["outcomes"]}
        found = judge(declared, seeing)
        assert found.verdict == "supported"
        assert [one.key for one in found.controls] == ["lab/sentence/detects"]
        assert found.controls[0].kind == "detects more than 0.1"
    found = judge(declared, blind)
    assert found.verdict == "inconclusive"
    assert "lab/sentence/detects is refuted" in found.reason


def test_positive_controls_of_parts_are_told_apart():
    first = Equivalent(EFFECT, 0.1, detects=EFFECT - 5)
    second = Equivalent(OTHER, 0.2, detects=OTHER - 5)
    controls = statement(AllOf(first, second)).positive_controls()
    assert [one.key for one in controls] == ["lab/sentence/detects-1", "lab/sentence/detects-2"]
    assert [one.test.margin for one in controls] == [0.1, 0.2]


def test_controls_have_controls():
    inner = control(Equivalent(OTHER, 0.05), key="inner")
    outer = control(AtLeast(EFFECT, 0), key="outer", controls=(inner,))
    found = judge(statement(AtLeast(EFFECT, 0), controls=(outer,)), tables(x=0.5, y=1.0))
    assert found.verdict == "inconclusive"
    assert "outer is inconclusive (supported alone, but control inner is refuted" in found.reason


# --- items and splits


def test_item_clusters_are_the_units_that_count():
    x, item = column(0.5, 0.2), np.arange(N) // 4
    data = {"outcomes": pd.DataFrame({"item": np.arange(N), "x": x, "family": item})}
    declared = statement(AtLeast(EFFECT, 0), 8, unit="item", cluster="family")
    found = judge(declared, data)
    assert found.units == 8
    assert found.interval == cluster_mean_interval(x, item)
    assert found.share.estimate == 1
    short = judge(statement(AtLeast(EFFECT, 0), 9, unit="item", cluster="family"), data)
    assert short.reason == "too few units: 8 of the 9 declared"


def test_clusters_must_be_known_and_unique():
    data = {"outcomes": pd.DataFrame({"item": [1, 2], "x": [0.1, 0.2]})}
    declared = statement(AtLeast(EFFECT, 0), 2, unit="item", cluster="family")
    with pytest.raises(ValueError, match="no table has both columns"):
        judge(declared, data)
    with pytest.raises(ValueError, match="several family"):
        judge(declared, data | {"f": pd.DataFrame({"item": [1, 1, 2], "family": [1, 2, 2]})})
    with pytest.raises(ValueError, match="item 2 lies in no family"):
        judge(declared, data | {"f": pd.DataFrame({"item": [1], "family": [1]})})


def test_splits_get_the_corrected_interval_and_no_share():
    x = column(0.5, 0.1)
    data = {"outcomes": pd.DataFrame({"split": np.arange(N), "x": x})}
    found = judge(statement(AtLeast(EFFECT, 0), unit="split", test_fraction=0.2), data)
    assert found.interval == split_mean_interval(x, test_fraction=0.2)
    assert found.share is None


# --- what is printed and stored


def test_to_dict_is_strict_json():
    guarded = statement(
        AllOf(AtLeast(EFFECT, 0.1), Exact(OTHER, 1)), controls=(control(Equivalent(OTHER, 0.1)),)
    )
    found = judge(guarded, tables(x=0.5, y=0.0))
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    wanted = (
        "key text kind unit verdict effect interval threshold seeds controls truth reason share "
        "p_value smallest_detectable amended"
    )
    assert set(wanted.split()) <= set(told)
    assert told["interval"] == [found.interval.low, found.interval.high]
    assert told["region"] == [0.1, None]
    assert told["seeds"] == N
    assert told["controls"][0]["key"] == "null"
    undefined = judge(statement(AtLeast(EFFECT, 0)), tables(x=np.ones(N)))
    assert json.dumps(undefined.to_dict(), allow_nan=False)


def test_a_judgement_prints_its_smallest_detectable_effect():
    printed = str(judge(statement(AtLeast(EFFECT, 0.1)), tables(x=0.5)))
    assert printed.startswith("lab/sentence: supported; at least 0.1; 0.5 [0.49")
    assert "smallest detectable 0.10" in printed
    assert printed.endswith("32 seeds")


def test_judging_twice_gives_the_same():
    data, declared = tables(x=0.5), statement(AtLeast(EFFECT, 0.1))
    assert judge(declared, data).to_dict() == judge(declared, data).to_dict()


def judged(key, p, verdict):
    return Judgement(
        key, "", "empirical", "", "seed", verdict, "", 0.0, None, 0, (0, 1), 9, p_value=p
    )


def test_holm_demotes_but_never_promotes():
    family = [
        judged("sure", 0.001, "supported"),
        judged("unsure", 0.04, "refuted"),
        judged("capped", 0.0001, "inconclusive"),
        judged("exact", math.nan, "supported"),
        judged("undefined", math.nan, "inconclusive"),
    ]
    found = holm_verdicts(family)
    assert found["sure"] == (pytest.approx(0.003), "supported")  # 3 of 4 remain to be tested
    assert found["unsure"] == (pytest.approx(0.08), "inconclusive")
    assert found["capped"] == (pytest.approx(0.0004), "inconclusive")
    assert math.isnan(found["exact"][0])
    assert found["exact"][1] == "supported"
    assert found["undefined"] == (1.0, "inconclusive")


# --- declarations and their ledger

LAWS = """
from fractions import Fraction
from typing import Any

Rows = dict[str, Any]
HALF = Fraction
LIMIT = {limit}

def statistic(tables, units):
    {doc}
    return helper(units) * LIMIT{comment}

def helper(units):
    return {helper}

def unused():
    return {unused}
"""


def digest_of(folder, annotated=False, **parts):
    chosen = {"limit": "2", "doc": "", "comment": "", "helper": "len(units)", "unused": "0"} | parts
    text = LAWS.format(**chosen)
    if annotated:
        text = text.replace(
            "(tables, units):", "(\n    tables: dict,\n    units: list,\n) -> float:"
        )
    path = folder / "declared_laws.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("declared_laws", path)
    module = importlib.util.module_from_spec(spec)
    import linecache
    import sys

    linecache.clearcache()
    sys.modules["declared_laws"] = module
    spec.loader.exec_module(module)
    try:
        return declaration_digest(statement(Law(module.statistic, 1, 0.5)))
    finally:
        del sys.modules["declared_laws"]


def test_digest_reads_what_a_function_does(tmp_path):
    plain = digest_of(tmp_path)
    assert digest_of(tmp_path, doc='"""A docstring."""') == plain
    assert digest_of(tmp_path, comment="  # a comment") == plain
    assert digest_of(tmp_path, annotated=True) == plain
    assert digest_of(tmp_path, unused="1") == plain
    assert digest_of(tmp_path, limit="2.0") == plain
    assert digest_of(tmp_path, helper="( len (units) )") == plain
    assert digest_of(tmp_path, limit="3") != plain
    assert digest_of(tmp_path, helper="len(units) + 1") != plain


@pytest.mark.parametrize(
    ("limit", "other"),
    [
        ("{'a': [1, 2]}", "{'a': [1, 3]}"),
        ("{'a': 1}", "{'b': 1}"),
        ("[1, 2]", "[2, 1]"),
        ("{'a', 'b'}", "{'a', 'c'}"),
        ("frozenset({1})", "frozenset({2})"),
        ("None", "1"),
    ],
)
def test_digest_covers_collections_that_a_function_uses(tmp_path, limit, other):
    used = {"helper": "LIMIT"}
    assert digest_of(tmp_path, limit=limit, **used) == digest_of(tmp_path, limit=limit, **used)
    assert digest_of(tmp_path, limit=limit, **used) != digest_of(tmp_path, limit=other, **used)


def test_the_order_of_a_set_does_not_count(tmp_path):
    one, other = (digest_of(tmp_path, limit=text) for text in ("{'a', 'b'}", "{'b', 'a'}"))
    assert one == other


@pytest.mark.parametrize("limit", ["object()", "{'half': 1j}", "[len]"])
def test_a_function_that_uses_what_no_digest_covers_is_refused(tmp_path, limit):
    with pytest.raises(ValueError, match="statistic uses LIMIT of its module"):
        digest_of(tmp_path, limit=limit)


def test_what_a_module_imports_is_not_part_of_the_digest(tmp_path):
    assert digest_of(tmp_path, helper="Fraction(len(units)) if True else Any")
    with pytest.raises(ValueError, match="helper uses HALF of its module"):
        digest_of(tmp_path, helper="HALF(len(units))")


def test_digest_covers_the_whole_declaration():
    base = statement(AtLeast(EFFECT, 0.1))
    others = [
        statement(AtLeast(EFFECT, 0.2)),
        statement(AtLeast(OTHER, 0.1)),
        statement(AtLeast(Measured("x", arm="a"), 0.1)),
        statement(AtLeast(EFFECT, 0.1), units=16),
        statement(AtLeast(EFFECT, 0.1), text="Another sentence."),
        statement(AtLeast(EFFECT, 0.1), truth="by construction"),
        statement(AtLeast(EFFECT, 0.1), bounds=(0, 1)),
        statement(AtLeast(EFFECT, 0.1), undefined=0.5),
        statement(AtLeast(EFFECT, 0.1), exhibit="other"),
        statement(AtLeast(EFFECT, 0.1), controls=(control(Equivalent(OTHER, 0.1)),)),
        statement(AtLeast(EFFECT, 0.1), controls=(control(Equivalent(OTHER, 0.2)),)),
        statement(Detects(EFFECT, 0.1)),
    ]
    digests = {declaration_digest(one) for one in [base, *others]}
    assert len(digests) == 1 + len(others)
    same = statement(AtLeast(EFFECT, 0.1), text="A   sentence.", amended="a note")
    assert declaration_digest(same) == declaration_digest(base)


def test_digest_is_stable():
    # Recorded when the ledger was introduced: a change would orphan every published entry.
    declared = Statement(
        "lab/sentence",
        "A sentence.",
        "empirical",
        AllOf(AtLeast(Measured("ece", arm="a") - Measured("ece", arm="b"), 0.02), Exact(EFFECT, 1)),
        32,
        bounds=(-1, 1),
        controls=(Control("null", "A control.", "empirical", Equivalent(EFFECT, 0.1), 32),),
    )
    assert declaration_digest(declared) == (
        "41ca93df3ef9c282bfbd48604e6a1d764d91b6fd9647a14020ebd3566a062f4b"
    )


SEEDS = range(1000, 1032)


def test_first_run_is_recorded_and_never_overwritten(tmp_path):
    path, declared = tmp_path / "ledger.json", statement(AtLeast(EFFECT, 0.1))
    assert read_ledger(path) == {}
    assert check_declaration(declared, path, SEEDS) == "not yet published"
    ledger = with_declaration({}, declared, SEEDS, DATE)
    entry = {"digest": declaration_digest(declared), "seeds": "1000-1031", "date": "2026-01-31"}
    assert ledger == {"lab/sentence": entry}
    path.write_text(ledger_text(ledger), "utf-8")
    assert read_ledger(path) == ledger
    assert check_declaration(declared, path, SEEDS) == "as declared"
    fresh = range(2000, 2032)
    again = with_declaration(ledger, declared, fresh, dt.date(2027, 1, 1))
    assert again == {"lab/sentence": entry | {"seeds": "1000-1031, 2000-2031"}}
    assert check_declaration(declared, again, fresh) == "as declared"
    # what it was judged on a second time is no fresh block for an amendment either
    changed = statement(AtLeast(EFFECT, 0.2), amended="why")
    with pytest.raises(ValueError, match="judge it on a fresh block"):
        check_declaration(changed, again, fresh)
    assert check_declaration(changed, again, range(3000, 3032)).startswith("amended")


def test_entering_a_declaration_changes_nothing_but_what_it_returns():
    first = with_declaration({}, statement(AtLeast(EFFECT, 0.1)), SEEDS, DATE)
    before = copy.deepcopy(first)
    changed = statement(AtLeast(EFFECT, 0.05), amended="threshold halved")
    second = with_declaration(first, changed, range(1032, 1064), DATE)
    third = statement(AtLeast(EFFECT, 0.02), amended="halved again")
    after = copy.deepcopy(second)
    with_declaration(second, third, range(1064, 1096), DATE)
    assert (first, second) == (before, after)


def test_a_silent_change_is_refused():
    ledger = with_declaration({}, statement(AtLeast(EFFECT, 0.1)), [1000, 1001, 1005], DATE)
    assert ledger["lab/sentence"]["seeds"] == "1000-1001, 1005"
    changed = statement(AtLeast(EFFECT, 0.05))
    with pytest.raises(ValueError, match="differs from its declaration of 2026-01-31"):
        check_declaration(changed, ledger, [2000])
    with pytest.raises(ValueError, match="differs from its declaration of 2026-01-31"):
        with_declaration(ledger, changed, [2000], DATE)


def test_an_amendment_is_judged_on_fresh_seeds():
    note = "threshold halved: the pilot was noisier"
    ledger = with_declaration({}, statement(AtLeast(EFFECT, 0.1)), SEEDS, DATE)
    changed = statement(AtLeast(EFFECT, 0.05), amended=note)
    with pytest.raises(ValueError, match=r"amended after its results on seeds 1030-1031"):
        check_declaration(changed, ledger, range(1030, 1050))
    with pytest.raises(ValueError, match=r"amended after its results on seeds 1030-1031"):
        with_declaration(ledger, changed, range(1030, 1050), DATE)
    fresh = range(1032, 1064)
    said = f"amended after seeing results: {note}"
    assert check_declaration(changed, ledger, fresh) == said
    first, ledger = ledger["lab/sentence"], with_declaration(ledger, changed, fresh, DATE)
    assert check_declaration(changed, ledger, fresh) == said  # its own seeds are not against it
    assert with_declaration(ledger, changed, fresh, DATE) == ledger
    again = statement(AtLeast(EFFECT, 0.02), amended="halved again")
    with pytest.raises(ValueError, match="1032-1063"):
        check_declaration(again, ledger, fresh)
    entry = ledger["lab/sentence"]
    assert {name: entry[name] for name in first} == first
    (amendment,) = entry["amendments"]
    assert amendment == {
        "digest": declaration_digest(changed),
        "seeds": "1032-1063",
        "date": "2026-01-31",
        "amended": note,
    }
    assert judge(changed, tables(x=0.5)).amended == note


def test_a_note_without_a_change_is_refused():
    ledger = with_declaration({}, statement(AtLeast(EFFECT, 0.1)), [1000], DATE)
    with pytest.raises(ValueError, match="exactly as first declared"):
        check_declaration(statement(AtLeast(EFFECT, 0.1), amended="why?"), ledger, [2000])


def test_an_inconclusive_exact_test_stays_out_of_the_holm_family():
    frame = pd.DataFrame({"seed": [1, 2], "zero": [0.0, 0.0]})
    short = Statement("a/b", "It is zero.", "theorem check", Exact(Measured("zero"), 0.0), 3)
    few = judge(short, {"outcomes": frame})
    assert few.verdict == "inconclusive"
    found = holm_verdicts([few, judged("sure", 0.03, "supported")])
    assert found["sure"] == (pytest.approx(0.03), "supported")
    assert math.isnan(found["a/b"][0])
    assert found["a/b"][1] == "inconclusive"


def test_all_of_exact_tests_stay_out_of_the_holm_family():
    """Regression: their undefined p-value became 1 and demoted a certain verdict."""
    frame = pd.DataFrame({"seed": [1, 2], "zero": [0.0, 0.0]})
    both = AllOf(Exact(Measured("zero"), 0.0), Exact(Measured("zero"), 0.0))
    statement = Statement("a/b", "Both are zero.", "theorem check", both, 2)
    judgement = judge(statement, {"outcomes": frame})
    assert np.isnan(judgement.p_value)
    assert holm_verdicts([judgement])["a/b"][1] == "supported"


def test_a_run_completes_what_is_declared_on_it():
    run = DeclaredOn("lab/sweep-", units=16, exhibit="sweep")
    null = run.control("null", "Nothing happens.", Equivalent(OTHER, 0.1), "by construction")
    made = run.statement("moves", "It moves.", AtLeast(EFFECT, 0.1), null, amended="why")
    assert (made.key, made.units, made.unit, made.exhibit) == (
        "lab/sweep-moves",
        16,
        "seed",
        "sweep",
    )
    assert (made.truth, made.amended, made.controls) == ("empirical", "why", (null,))
    assert (null.key, null.truth, null.exhibit) == ("lab/sweep-null", "by construction", "sweep")
    assert run.statement("real", "It is.", AtLeast(EFFECT, 0), test_fraction=0.2).unit == "split"
