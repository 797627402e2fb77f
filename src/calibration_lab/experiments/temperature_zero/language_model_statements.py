"""What a real language model is expected to show, declared before its published items were run.

The unit is the item: one review and one question with four options.  Thresholds say which effect
would matter to a reader; they were fixed on items of seeds below 1000.
"""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.language_model_measures import (
    GAP,
    QUANTITIES,
    REPETITIONS,
    SHARE,
    across,
    any_repetition_differs,
    off_the_mode,
    one_draw,
    reliability_gap,
    repeated,
    rotation,
    sampled_minus_exact,
    usually,
    written,
)
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    DeclaredOn,
    Exact,
    Law,
    Statement,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

ITEMS, GRID_ITEMS, FREE_ITEMS, PROMPTS = 100, 60, 36, 80
BOOK = DeclaredOn("temperature-zero/lm-", units=ITEMS, exhibit="language-model")
GRID = DeclaredOn("temperature-zero/grid-", units=GRID_ITEMS, exhibit="full-grid")
FREE = DeclaredOn("temperature-zero/free-", units=FREE_ITEMS, exhibit="free-form")
BITS = DeclaredOn("temperature-zero/bits-", units=PROMPTS, exhibit="bits")

# --- In the book --------------------------------------------------------------------------------

control, statement = BOOK.control, BOOK.statement
draws_differ = control(
    "draws-differ",
    "Above temperature zero the same model's repetitions do not all agree.",
    AtLeast(across("within", 0.0) - across("within", 1.0), 0.1),
    unit="item",
    bounds=GAP,
)

IN_THE_BOOK = (
    statement(
        "zero-takes-the-mode",
        "At temperature zero the model's verdicts on an item agree totally, and they are wrong "
        "exactly as often as its most probable verdict is wrong.",
        Exact(Computed(off_the_mode), 0.0),
        draws_differ,
        truth="by construction",
        unit="item",
    ),
    statement(
        "zero-not-less-accurate",
        "Temperature zero costs no accuracy: a verdict at temperature zero is right at least as "
        "often as one at temperature one, to within 0.02.",
        AtLeast(across("right", 0.0) - across("right", 1.0), -0.02),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "wording-reveals",
        "At temperature zero two verdicts on the same review in other words, or with the options "
        "in another order, agree far less often than repetitions do, which always agree.",
        AtLeast(across("within", 0.0) - across("between_all", 0.0), 0.1),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "order-reveals",
        "Naming the two options in the other order, with everything else unchanged, changes the "
        "verdict at temperature zero.",
        AtLeast(across("within", 0.0) - across("between_orders", 0.0), 0.1),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "letters-follow-position",
        "When four options rotate through the letters, the model keeps the letter and not the "
        "content.",
        AtLeast(
            rotation("letter_agreement", "letters") - rotation("content_agreement", "letters"), 0.3
        ),
        control(
            "the-model-knows",
            "Asked the same questions with the options as words, the model is right more often.",
            AtLeast(rotation("right", "words") - rotation("right", "letters"), 0.1),
            unit="item",
            bounds=GAP,
        ),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "sum-reliable-draw-not",
        "At temperature one the sum of a hundred verdicts is reliable by the usual standard, above "
        "0.7, while one verdict, with a reliability below one half, is not.",
        AllOf(
            Law(one_draw, 0.25, 0.25, table="verdicts", bounds=SHARE, times=1),
            Law(one_draw, 0.85, 0.15, table="verdicts", bounds=SHARE, times=REPETITIONS),
        ),
        control(
            "panels-agree",
            "Majorities of a hundred agree with each other more often than single verdicts do.",
            AtLeast(usually("majority_agreement", 1.0) - usually("agreement", 1.0), 0.1),
            unit="item",
            bounds=GAP,
        ),
        unit="item",
    ),
    statement(
        "follows-spearman-brown",
        "The reliability of the sum of a hundred verdicts that were drawn is the one that the "
        "exact probabilities give by the Spearman-Brown formula.",
        AllOf(*(
            Law(
                sampled_minus_exact, 0.0, 0.05, table="verdicts", bounds=GAP,
                paraphrase=paraphrase, order="positive first",
            )
            for paraphrase in ("classify", "arrow")
        )),
        truth="theorem check",
        unit="item",
    ),
    statement(
        "bias-is-invisible",
        "Naming \"positive\" first costs one wording much of its accuracy, and no reliability says "
        "so: at temperature zero repetitions agree just as totally, and at temperature one the "
        "reliability of a hundred verdicts stays within 0.1.",
        AllOf(
            AtLeast(
                repeated("right", "arrow", "negative first", 0.0)
                - repeated("right", "arrow", "positive first", 0.0),
                0.1,
            ),
            Exact(
                repeated("agreement", "arrow", "negative first", 0.0)
                - repeated("agreement", "arrow", "positive first", 0.0),
                0.0,
            ),
            Law(reliability_gap, 0.0, 0.1, table="verdicts", bounds=GAP),
        ),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "repeating-above-zero-calibrates",
        "As a confidence, the agreement of repetitions is 1 at temperature zero; at temperature "
        "one it is a better forecast of being right, by Brier score.",
        AtLeast(usually("limit_brier", 0.0) - usually("limit_brier", 1.0), 0.05),
        unit="item",
        bounds=GAP,
    ),
    statement(
        "wordings-calibrate-better",
        "The agreement of wordings and orders, each asked once at temperature zero, forecasts "
        "being right better still than the agreement of repetitions of one wording at temperature "
        "one.",
        AtLeast(usually("limit_brier", 1.0) - across("pooled_brier", 0.0), 0.02),
        unit="item",
        bounds=GAP,
    ),
)  # fmt: skip

# --- Recorded -----------------------------------------------------------------------------------

ON_THE_GRID = (
    GRID.statement(
        "letters-follow-position",
        "That the letter is kept rather than the content holds after solved examples and in the "
        "chat format as well.",
        AllOf(*(
            AtLeast(rotation("letter_agreement", form) - rotation("content_agreement", form), 0.2)
            for form in ("letters after examples", "letters in chat")
        )),
        unit="item",
        bounds=GAP,
    ),
    GRID.statement(
        "wording-reveals",
        "Over six wordings and both orders, verdicts at temperature zero agree far less often than "
        "repetitions do.",
        AtLeast(across("within", 0.0) - across("between_all", 0.0), 0.1),
        unit="item",
        bounds=GAP,
    ),
    GRID.statement(
        "colder-not-worse",
        "Over six wordings, no temperature gives more accurate verdicts than zero does, to within "
        "0.02.",
        AllOf(*(
            AtLeast(across("right", 0.0) - across("right", temperature), -0.02)
            for temperature in (0.25, 0.5, 0.7, 1.0, 1.5)
        )),
        unit="item",
        bounds=GAP,
    ),
    GRID.statement(
        "sum-reliable-draw-not",
        "Over six wordings too, one verdict at temperature one has a reliability below one half, "
        "and the sum of a hundred one above 0.7.",
        AllOf(
            Law(one_draw, 0.25, 0.25, table="verdicts", bounds=SHARE, times=1),
            Law(one_draw, 0.85, 0.15, table="verdicts", bounds=SHARE, times=REPETITIONS),
        ),
        unit="item",
    ),
)  # fmt: skip


IN_FREE_FORM = (
    FREE.statement(
        "repeats-identical",
        "At temperature zero a text that is generated again is the same text.",
        Exact(1.0 - usually("raw_agreement", 0.0, "answers"), 0.0),
        FREE.control(
            "texts-differ",
            "At temperature one repeated texts differ.",
            AtLeast(1.0 - usually("raw_agreement", 1.0, "answers"), 0.1),
            unit="item",
            bounds=SHARE,
        ),
        unit="item",
    ),
    FREE.statement(
        "identical-and-wrong",
        "At temperature zero, where every text comes out identical, more than a tenth say "
        "something wrong (saying nothing does not count).",
        AtLeast(written("wrong", 0.0), 0.1),
        unit="item",
        bounds=SHARE,
    ),
    FREE.statement(
        "wording-reveals",
        "At temperature zero, answers to the same question in other words agree far less often "
        "than repetitions do.",
        AtLeast(written("within", 0.0) - written("between", 0.0), 0.1),
        unit="item",
        bounds=GAP,
    ),
    FREE.statement(
        "zero-not-less-accurate",
        "Temperature zero costs no accuracy: an answer is right at least as often as at "
        "temperature one, to within 0.02.",
        AtLeast(written("right", 0.0) - written("right", 1.0), -0.02),
        unit="item",
        bounds=GAP,
    ),
    FREE.statement(
        "repeating-above-zero-calibrates",
        "As a confidence, the agreement of repeated answers is a better forecast of being right at "
        "temperature 0.7 than at zero, where it is 1 for every answer given, by Brier score.",
        AtLeast(usually("brier", 0.0, "answers") - usually("brier", 0.7, "answers"), 0.05),
        unit="item",
        bounds=GAP,
    ),
)

IN_BITS = (
    BITS.statement(
        "exact-repeat-identical",
        "The same call, made again on the same machine, gives the same bits.",
        Exact(Computed(any_repetition_differs), 0.0),
        unit="item",
    ),
)

STATEMENTS: tuple[Statement, ...] = (*IN_THE_BOOK, *ON_THE_GRID, *IN_FREE_FORM, *IN_BITS)
