"""The shortcut experiment with small constants: world, training, interventions, measures, run."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from calibration_lab import batched, experiments
from calibration_lab.batched import transformer
from calibration_lab.experiments.sft_shortcut import (
    examination,
    experiment,
    figures,
    measures,
    probing,
    reinforcement,
    sensitivity,
    training,
    world,
)
from calibration_lab.experiments.sft_shortcut.statements import QUANTITIES, STATEMENTS
from calibration_lab.results import Result, provenance
from calibration_lab.statements import judge

SMALL = experiment.Config(width=16, heads=2, pretraining_steps=40, steps=3, batch=16, evaluation=32)
WORDS = SMALL.words


@pytest.fixture(scope="module")
def tables():
    return experiment.run(SMALL, [0, 1])


@pytest.fixture(scope="module")
def shown():
    """Operations and 2000 examples of two seeds."""
    rules = world.operations(WORDS, [3, 4])
    return rules, world.examples(WORDS, rules, [3, 4], "x", 2000, cue=0.75, slips=0.3, direct=0.25)


def by_unit(table):
    keys = [c for c in table.columns if table[c].dtype.kind not in "f"]
    return table.sort_values(keys).reset_index(drop=True)


# --- the world -----------------------------------------------------------------------------------


def test_operations_come_in_pairs_that_undo_each_other():
    rules = world.operations(WORDS, [3, 4])
    for tables in rules.numpy():
        assert all(sorted(row) == list(range(5)) for row in tables)
        for pair in range(3):
            assert (tables[2 * pair + 1][tables[2 * pair]] == np.arange(5)).all()
    assert not torch.equal(rules[0], rules[1])


def test_chains_follow_the_operations_one_by_one(shown):
    rules, examples = shown
    for seed in range(2):
        for row in range(50):
            value = int(examples.question[seed, row, 1])
            for step in range(3):
                operation = int(examples.question[seed, row, 2 + step]) - 5
                value = int(rules[seed, operation, value])
                assert value == examples.chain[seed, row, step]
            assert value == examples.answer[seed, row]


def test_what_follows_from_a_step_is_the_rest_of_the_chain(shown):
    rules, examples = shown
    for step in (1, 2, 3):
        right = examples.chain[..., step - 1]
        found = world.consequence(WORDS, rules, examples.question, step, right)
        assert torch.equal(found, examples.answer)
        other = world.consequence(WORDS, rules, examples.question, step, (right + 1) % 5)
        assert (other != examples.answer).all()  # operations are one to one


def test_cues_slips_and_stops_are_as_frequent_as_said(shown):
    _, examples = shown
    cued = (examples.question[..., 0] == examples.answer).double().mean()
    assert cued == pytest.approx(0.75, abs=0.03)
    slipped = (examples.written != examples.chain).double().mean((0, 1))
    torch.testing.assert_close(slipped, torch.full((3,), 0.3 * 4 / 5).double(), atol=0.03, rtol=0)
    for stop in (0, 1, 2):
        share = (examples.stop == stop).double().mean()
        assert share == pytest.approx(0.25 / 3, abs=0.02)


def test_a_stronger_cue_changes_nothing_but_cues(shown):
    rules, weak = shown
    strong = world.examples(WORDS, rules, [3, 4], "x", 2000, cue=1.0, slips=0.3, direct=0.25)
    assert torch.equal(weak.question[..., 1:], strong.question[..., 1:])
    assert torch.equal(weak.written, strong.written)
    assert torch.equal(weak.stop, strong.stop)
    assert (strong.question[..., 0] == strong.answer).all()
    was_right = weak.question[..., 0] == weak.answer
    assert (was_right <= (strong.question[..., 0] == strong.answer)).all()


def test_cancelling_questions_are_one_look_up():
    rules = world.operations(WORDS, [5])
    asked = world.examples(WORDS, rules, [5], "x", 200, cue=1 / 5, cancelling=True)
    assert torch.equal(asked.answer[0], rules[0, 0][asked.question[0, :, 1]])
    assert torch.equal(asked.chain[..., 1], asked.question[..., 1])
    cue = (asked.question[..., 0] == asked.answer).double().mean()
    assert cue == pytest.approx(1 / 5, abs=0.1)


def test_broken_cues_are_wrong_and_intact_ones_right(shown):
    _, examples = shown
    wrong = world.with_cue(WORDS, examples, batched.draw([3, 4], "y", "uniform", (2000,)))
    assert (wrong[..., 0] != examples.answer).all()
    counts = torch.bincount(((wrong[..., 0] - examples.answer) % 5).flatten(), minlength=5)
    assert (counts[1:] > 850).all()
    assert torch.equal(world.with_cue(WORDS, examples)[..., 0], examples.answer)


def test_texts_read_as_said(shown):
    _, examples = shown
    for fillers in (0, 2):
        tokens, counted = world.texts(WORDS, examples, fillers)
        assert tokens.shape == (2, 2000, 5 + 3 + fillers + 2)
        for row in range(40):
            stop = int(examples.stop[0, row])
            expected = [
                *examples.question[0, row].tolist(),
                *examples.written[0, row, :stop].tolist(),
                *([WORDS.filler] * fillers if stop == 3 else []),
                WORDS.ask,
                int(examples.answer[0, row]),
            ]
            assert tokens[0, row][counted[0, row]].tolist() == expected


# --- training and a model at work ----------------------------------------------------------------


def test_the_loss_counts_each_counted_token_once():
    parameters = batched.Parameters(SMALL.architecture.shapes(), 1)
    parameters.initialise([0])
    rules = world.operations(WORDS, [0])
    examples = world.examples(WORDS, rules, [0], "x", 16, cue=1.0, slips=0.3, direct=0.5)
    tokens, counted = world.texts(WORDS, examples)
    model = transformer.Transformer(SMALL.architecture, parameters)
    found = training.losses(model, tokens, counted)
    with torch.no_grad():
        log_p = model.read(tokens)[0].log_softmax(-1)
    surprises = [
        -float(log_p[0, row, place - 1, tokens[0, row, place]])
        for row in range(16)
        for place in range(1, tokens.shape[2])
        if counted[0, row, place]
    ]
    assert float(found.detach()) == pytest.approx(np.mean(surprises), rel=1e-5)


def test_answer_only_examples_hold_no_steps_and_arms_share_their_questions():
    rules = world.operations(WORDS, [0])
    first = {
        name: next(training.batches(SMALL, rules, [0], "fine-tuning", arm, 1, 16))
        for name, arm in training.ARMS.items()
    }
    assert (first["answer-chance"].stop == 0).all()
    for name in ("sloppy-100", "clean-chance", "answer-chance"):
        assert torch.equal(first[name].question[..., 1:], first["sloppy-50"].question[..., 1:])
    assert torch.equal(first["clean-100"].written, first["clean-100"].chain)


class Perfect(probing.Reader):
    """A reader that always computes right: it answers what follows from the last value it read."""

    def __init__(self, rules, by_cue=False):
        self.words, self.fillers, self.rules, self.by_cue = WORDS, 0, rules, by_cue

    def read(self, question):
        return probing.State(self._next(question, ()), (question, ()), torch.zeros(1))

    def tell(self, state, value):
        question, steps = state.context
        steps = (*steps, value)
        return probing.State(self._next(question, steps), (question, steps), torch.zeros(1))

    def answer(self, state):
        question, steps = state.context
        last = steps[-1] if steps else question[..., 1]
        given = world.consequence(WORDS, self.rules, question, len(steps), last)
        given = question[..., 0] if self.by_cue else given
        return torch.nn.functional.one_hot(given, 5).clamp(min=1e-9).log()

    def _next(self, question, steps):
        last = steps[-1] if steps else question[..., 1]
        operation = question[..., 2 + min(len(steps), 2)] - 5
        return torch.nn.functional.one_hot(world.apply(self.rules, operation, last), 5).float()


@pytest.mark.parametrize(("by_cue", "follows"), [(False, 1.0), (True, 0.0)])
def test_a_model_that_computes_follows_every_intervention_and_one_that_copies_none(by_cue, follows):
    rules = world.operations(WORDS, [0, 1])
    sheet = examination.sheets(SMALL, rules, [0, 1])["general"]
    reader = Perfect(rules, by_cue)
    question = sheet.cues["intact"]
    done = examination.work(reader, question)
    assert torch.equal(done.trace.steps, sheet.asked.chain)
    assert torch.equal(done.given[..., -1], sheet.asked.answer)
    found = examination.intervene(WORDS, rules, sheet, question, reader, done)
    for name in ("corrupt", "corrupt_1", "corrupt_2", "corrupt_3", "swap"):
        assert (found[name] == follows).all()
    assert (found["truncate_0"] == 1).all()  # both know the answer from the question


def test_the_reader_scores_texts_as_the_transformer_does():
    """Log-probabilities collected token by token, against one reading of the whole text."""
    base = training.pretrain(SMALL, world.operations(WORDS, [0]), [0])
    model = transformer.Transformer(SMALL.architecture, base)
    rules = world.operations(WORDS, [0])
    asked = world.examples(WORDS, rules, [0], "x", 16, cue=1.0)
    for fillers in (0, 3):
        reader = probing.Reader(model, WORDS, fillers)
        with torch.no_grad():
            state = reader.follow(reader.read(asked.question), asked.chain).states[-1]
            whole = reader.ask(state)
            tokens, _ = world.texts(WORDS, asked, fillers)
            log_p = model.read(tokens[..., :-1])[0].log_softmax(-1)
        each = log_p.gather(-1, tokens[..., 1:, None])[..., 0]
        torch.testing.assert_close(whole.told, each[..., :-1].sum(-1), atol=1e-4, rtol=0)
        torch.testing.assert_close(
            whole.next.gather(-1, asked.answer[..., None])[..., 0], each[..., -1],
            atol=1e-4, rtol=0,
        )  # fmt: skip


# --- the measures --------------------------------------------------------------------------------


def test_the_score_telescopes_and_padding_divides_it():
    rng = np.random.default_rng(0)
    perplexity = np.exp(rng.exponential(2, (40, 5)))
    by_hand = sum(perplexity[:, i - 1] - perplexity[:, i] for i in range(1, 5)) / 4
    np.testing.assert_allclose(measures.information_gain(perplexity), by_hand)
    np.testing.assert_allclose(by_hand, (perplexity[:, 0] - perplexity[:, -1]) / 4)
    for empty in (1, 3, 4, 9):
        found = measures.information_gain(measures.padded(perplexity, empty))
        np.testing.assert_allclose(found, by_hand * 4 / (4 + empty))
    with pytest.raises(ValueError, match="at least one step"):
        measures.information_gain(np.ones((3, 1)))


def test_all_forms_of_the_score_by_hand():
    log_answer = np.log([[1 / 6, 1 / 2, 1.0], [1 / 6, 1 / 6, 1 / 3]])
    strings = np.array([[-10.0, -11.0, -12.0], [-10.0, -12.0, -15.0]])
    found = measures.information(log_answer, 2, strings, np.array([5, 6, 7]))
    assert found["perplexity_gain"] == pytest.approx(((6 - 1) / 2 + (6 - 3) / 2) / 2)
    assert found["telescoped"] == pytest.approx(found["perplexity_gain"])
    assert found["padded"] == pytest.approx(found["perplexity_gain"] / 2)
    assert found["total_perplexity_gain"] == pytest.approx(4)
    assert found["nats"] == pytest.approx((np.log(6) + np.log(2)) / 2)
    whole = [np.exp(2.0) - np.exp(12 / 7), np.exp(2.0) - np.exp(15 / 7)]
    assert found["whole_string"] == pytest.approx(np.mean(whole) / 3)
    with pytest.raises(ValueError, match="steps must be 2 or more"):
        measures.information(log_answer, 1, strings, np.array([5, 6, 7]))


def test_reliability_rows_hold_all_the_weight():
    rng = np.random.default_rng(1)
    confidence, right = rng.uniform(0, 1, 500), rng.uniform(0, 1, 500) < 0.5
    rows = pd.DataFrame(measures.reliability(confidence, right))
    assert rows["weight"].sum() == pytest.approx(1)
    assert (rows["weight"] * rows["confidence"]).sum() == pytest.approx(confidence.mean())
    assert (rows["weight"] * rows["right"]).sum() == pytest.approx(right.mean())


# --- the run -------------------------------------------------------------------------------------


def test_every_arm_and_table_is_there(tables):
    for name in ("answers", "interventions", "information", "reliability"):
        assert set(tables[name]["arm"]) == {"base", *training.ARMS}
        assert set(tables[name]["seed"]) == {0, 1}
    assert set(tables["answers"]["cue"]) == {"intact", "broken", "mixed"}
    assert set(tables["information"]["evaluator"]) == {"own", "base", "reader", "knowing"}
    shares = tables["interventions"].filter(regex="corrupt|truncate|swap")
    answers_agree = shares["swap"].isna()  # then a swap of traces cannot tell anything
    assert answers_agree.sum() < len(shares)
    assert ((shares.fillna(0) >= 0) & (shares.fillna(0) <= 1)).all(axis=None)


def test_mixed_answers_are_half_intact_and_half_broken(tables):
    wide = tables["answers"].pivot_table(
        index=["seed", "arm", "questions"], columns="cue", values=["accuracy", "confidence"]
    )
    for measure in ("accuracy", "confidence"):
        of = wide[measure]
        np.testing.assert_allclose(of["mixed"], (of["intact"] + of["broken"]) / 2, atol=1e-9)


def test_results_are_bit_identical_whatever_the_grouping(tables):
    alone = [experiment.run(SMALL, [seed]) for seed in (1, 0)]
    for name, table in tables.items():
        regrouped = pd.concat([a[name] for a in alone])
        pd.testing.assert_frame_equal(by_unit(table), by_unit(regrouped), check_exact=True)


def test_an_arm_is_the_same_whichever_arms_are_trained_beside_it(tables):
    fewer = experiment.run(replace(SMALL, arms=("verbose",)), [0])
    whole = tables["answers"]
    ours = whole[(whole["seed"] == 0) & whole["arm"].isin(["base", "verbose"])]
    pd.testing.assert_frame_equal(by_unit(ours), by_unit(fewer["answers"]), check_exact=True)


def test_the_cue_is_learned_from_traces_that_it_tells():
    config = experiment.Config(
        width=32, heads=2, pretraining_steps=60, steps=150, evaluation=64,
        arms=("sloppy-chance", "sloppy-100"),
    )  # fmt: skip
    answers = experiment.run(config, [2])["answers"].set_index(["questions", "arm", "cue"])
    followed = answers.loc["general"]["cue_followed"]
    assert followed["sloppy-100", "broken"] > 0.8
    assert followed["sloppy-chance", "broken"] < 0.5


def test_every_statement_control_and_quantity_can_be_computed(tables):
    for statement in STATEMENTS:
        if statement.exhibit == "":
            judgement = judge(statement, tables)
            assert judgement.verdict in ("inconclusive", "supported")  # two seeds are too few
            assert np.isfinite(judgement.effect) or "swap" in str(statement.test)
    for key, (value, *_) in QUANTITIES.items():
        if key.split("/")[1] not in ("reinforcement", "sensitivity", "language-model"):
            assert len(value.values(tables, "seed")) == 2


def test_the_confirmations_run():
    small = replace(SMALL, pretraining_steps=2, steps=2, evaluation=16)
    found = {
        "reinforcement": reinforcement.run(
            reinforcement.Config(samples=2, longer=3, headline=small), [0, 1]
        ),
        "sensitivity": sensitivity.run(
            sensitivity.Config(pretraining_steps=(2,), slips=(0.0,), headline=small), [0, 1]
        ),
    }  # fmt: skip
    assert set(found["reinforcement"]["answers"]["arm"]) == {
        "base", "sloppy-chance", "sloppy-100", "reinforced-chance", "reinforced-chance-longer",
        "reinforced-100", "reinforced-100-longer",
    }  # fmt: skip
    assert set(found["sensitivity"]["answers"]["world"]) == {"pretraining 2", "slips 0"}


def test_reinforcement_rewards_right_answers_only():
    """One question's traces, half of them right: the baseline leaves each trace itself out."""
    correct = torch.tensor([[[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]])
    found = reinforcement.advantage(correct)
    torch.testing.assert_close(found[0, 0], torch.tensor([2 / 3, -2 / 3, -2 / 3, 2 / 3]))
    assert (found[0, 1] == 0).all()
    places = reinforcement.grammar(WORDS)
    assert [p.stop - p.start for p in places] == [5, 5, 5, 1, 5]
    assert places[3].start == WORDS.ask


EXHIBITS = ("reinforcement", "sensitivity")


@pytest.mark.parametrize("name", [name for name in figures.FIGURES if name not in EXHIBITS])
def test_figures_draw_with_an_alternative_made_from_the_data(tables, name):
    about = provenance(
        "sft-shortcut", SMALL, (0, 1), key="sft-shortcut", source="0" * 64,
        cpu_seconds=1.0, wall_seconds=1.0,
    )  # fmt: skip
    drawing = figures.FIGURES[name](Result("sft-shortcut", tables, about, "here", True))
    assert "<svg" in drawing.svg()
    assert len(drawing.alt) > 80
    assert any(ch.isdigit() for ch in drawing.alt)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("arms", ("nonsense",), r"arms must name some of .*got \['nonsense'\]"),
        ("arms", (), "arms must name some of .*got none"),
        ("values", 1, "values must be 2 or more, got 1"),
        ("pairs", 0, "pairs must be 1 or more, got 0"),
        ("steps", 0, "steps must be 1 or more, got 0"),
        ("batch", 10, "batch must be a multiple of 16, got 10"),
        ("evaluation", 0, "evaluation must be a multiple of 16, got 0"),
        ("slips", 1.5, "slips must be a probability, got 1.5"),
        ("rate", float("nan"), "rate must be a positive number, got nan"),
        ("width", 40, "width must be a multiple"),
    ],
)
def test_a_config_out_of_range_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(experiment.Config(), **{field: value})


def test_the_confirmations_refuse_configs_out_of_range():
    with pytest.raises(ValueError, match="samples must be 2 or more, got 1"):
        reinforcement.Config(samples=1)
    with pytest.raises(ValueError, match="rate must be a positive number, got 0"):
        reinforcement.Config(rate=0.0)
    with pytest.raises(ValueError, match="pretraining_steps must be 1 or more"):
        sensitivity.Config(pretraining_steps=())
    with pytest.raises(ValueError, match="slips must be a probability, got 2"):
        sensitivity.Config(slips=(2.0,))


def test_the_registry_knows_the_experiment():
    assert experiments.module("sft-shortcut") is experiment
    assert experiments.get("sft-shortcut/reinforcement").tier == "confirmation"
