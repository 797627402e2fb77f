"""What the confirmations of the abstention experiment claim, and their numbers.

Declared, like the statements on the headline run, before their published seeds were run.
"""

from __future__ import annotations

import pandas as pd

from calibration_lab.experiments.abstention import quantities
from calibration_lab.experiments.abstention.quantities import bounds_of
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    DeclaredOn,
    Equivalent,
    Measured,
    Statement,
    Tables,
)

__all__ = ["CONFIRMATIONS", "QUANTITIES"]

# --- data-mix -----------------------------------------------------------------------------------

MIX = DeclaredOn("abstention/data-mix-", units=16, exhibit="data-mix")
UNSAFE = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)
UNKNOWABLE = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)


def mixed(measure: str, varied: str, share: float, objective: str = "true") -> Measured:
    """A measure of decisions after training on a mix."""
    return Measured(measure, "decisions", arm=f"{objective} {varied} {share:g}")


def mixed_plane(measure: str, plane: str, varied: str, share: float) -> Measured:
    """A measure on one plane, of the true utility after training on a mix."""
    return Measured(measure, "planes", arm=f"true {varied} {share:g}", plane=plane)


def mix_gap(tables: Tables, measure: str, prediction: str) -> pd.Series:
    """Mean over the shares of unsafe requests, per seed, of |measure - prediction|."""
    table = tables["decisions"]
    table = table[(table["objective"] == "true") & (table["varied"] == "unsafe")]
    gap = (table[measure] - table[prediction]).abs()
    return gap.groupby(table["seed"]).mean()


ON_MIXES = (
    MIX.statement(
        "safety-tilt-follows-the-mix",
        "Under one and the same objective, the more unsafe requests there are in training, the "
        "more policies abstain where only safety is in question.",
        AllOf(
            AtLeast(
                mixed_plane("tilt", "safety", "unsafe", 0.2)
                - mixed_plane("tilt", "safety", "unsafe", 0.0), 0.1,
            ),
            AtLeast(
                mixed_plane("tilt", "safety", "unsafe", 0.8)
                - mixed_plane("tilt", "safety", "unsafe", 0.2), 0.1,
            ),
        ),
        MIX.control(
            "usual-mix-has-no-tilt",
            "On the usual mix there is no tilt there.",
            Equivalent(mixed_plane("tilt", "safety", "unsafe", 0.2), 0.05),
        ),
    ),
    MIX.statement(
        "rates-follow-the-optimum",
        "Over the shares of unsafe requests, over-abstention is on average within 0.1 of the rate "
        "that is best on the training requests, and so is under-abstention.",
        AllOf(
            AtLeast(0.1 - Computed(mix_gap, measure="over", prediction="predicted_over"), 0.0),
            AtLeast(0.1 - Computed(mix_gap, measure="under", prediction="predicted_under"), 0.0),
        ),
    ),
    MIX.statement(
        "visible-ignorance-needs-no-data",
        "Because a request shows how strong its evidence is, training with a tenth or with half "
        "of the requests unknowable gives the same tilt where only knowledge is in question.",
        Equivalent(
            mixed_plane("tilt", "knowledge", "unknowable", 0.5)
            - mixed_plane("tilt", "knowledge", "unknowable", 0.1), 0.05,
            detects=mixed_plane("tilt", "safety", "unsafe", 0.8)
            - mixed_plane("tilt", "safety", "unsafe", 0.0),
        ),
    ),
    MIX.statement(
        "unseen-ignorance-is-answered",
        "Trained without any unknowable request, policies answer more of those that they should "
        "abstain on for want of knowledge.",
        AtLeast(
            mixed_plane("under", "knowledge", "unknowable", 0.0)
            - mixed_plane("under", "knowledge", "unknowable", 0.25), 0.05,
        ),
    ),
    MIX.statement(
        "no-mix-teaches-correctness-to-abstain",
        "Rewarded for correctness only, policies under-abstain whatever the mix.",
        AllOf(*(
            AtLeast(mixed("under", varied, share, "correctness"), 0.9)
            for varied, share in (("unsafe", 0.0), ("unsafe", 0.8), ("unknowable", 0.9))
        )),
    ),
)  # fmt: skip

# --- training -----------------------------------------------------------------------------------

TRAINING = DeclaredOn("abstention/training-", units=16, exhibit="training")
REFUSALS = (0.0, 0.1, 0.3, 0.6, 0.9)
RAMPS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.8)


def changed(measure: str, part: str, arm: str) -> Measured:
    """A measure of decisions after one change of training."""
    return Measured(measure, "decisions", part=part, arm=arm)


ON_TRAINING = (
    TRAINING.statement(
        "base-rate-does-not-matter",
        "Trained on the true utility with a curriculum, policies end with the same tilt whether "
        "the base refuses nothing at random or 60% of requests.",
        Equivalent(
            changed("tilt", "base", "w1-h3 from 0.6") - changed("tilt", "base", "w1-h3 from 0"),
            0.05,
            detects=changed("tilt", "base", "base 0.6") - changed("tilt", "base", "base 0"),
        ),
    ),
    TRAINING.statement(
        "collapse-from-every-base",
        "Without a curriculum, the heaviest penalties make policies abstain on nearly everything "
        "from a base that refuses nothing at random as from one that refuses 60%.",
        AllOf(*(
            AtLeast(changed("over", "base", f"w9-h9-abrupt from {refusal:g}"), 0.9)
            for refusal in (0.0, 0.6)
        )),
    ),
    TRAINING.statement(
        "heavier-penalties-need-longer",
        "Penalties of 3 may grow within a quarter of training; those of 9 then still collapse the "
        "policy, and need half of it.",
        AllOf(
            Equivalent(
                changed("over", "ramp 0.25", "w3-h3") - changed("over", "ramp 0.5", "w3-h3"), 0.1,
                detects=changed("over", "ramp 0", "w3-h3") - changed("over", "ramp 0.5", "w3-h3"),
            ),
            AtLeast(
                changed("over", "ramp 0.25", "w9-h9") - changed("over", "ramp 0.5", "w9-h9"), 0.2
            ),
        ),
    ),
    TRAINING.statement(
        "entropy-avoids-it-too",
        "Four times the entropy bonus keeps abrupt penalties from collapsing the policy as far.",
        AtLeast(
            changed("over", "entropy 0", "w3-h3-abrupt")
            - changed("over", "entropy 0.2", "w3-h3-abrupt"), 0.2,
        ),
    ),
    TRAINING.statement(
        "anchor-holds-recall",
        "The tighter a policy rewarded for correctness is held to its base, the more recall of "
        "abstention it keeps.",
        AllOf(
            AtLeast(
                changed("recall", "anchor", "anchor 0.2") - changed("recall", "anchor",
                                                                     "anchor 0.05"), 0.05,
            ),
            AtLeast(
                changed("recall", "anchor", "anchor 1") - changed("recall", "anchor",
                                                                   "anchor 0.2"), 0.05,
            ),
        ),
    ),
    TRAINING.statement(
        "longer-training-agrees",
        "Three times as many steps leave the tilt of five objectives where it was, within 0.05.",
        AllOf(*(
            Equivalent(
                changed("tilt", "longer", arm) - changed("tilt", part, source), 0.05,
                detects=changed("tilt", "longer", "w9-h9") - changed("tilt", "longer", "w0-h0"),
            )
            for arm, part, source in (
                ("w1-h3", "ramp 0.5", "w1-h3"), ("w3-h3", "ramp 0.5", "w3-h3"),
                ("w9-h9", "ramp 0.5", "w9-h9"),
            )
        )),
    ),
)  # fmt: skip

# --- confidence ---------------------------------------------------------------------------------

CONFIDENCE = DeclaredOn("abstention/confidence-", units=16, exhibit="confidence")


def stated(measure: str, arm: str) -> Measured:
    """A measure of calibration of the stated confidence."""
    return quantities.forecast("stated", measure, arm)


ON_CONFIDENCE = (
    CONFIDENCE.statement(
        "brier-does-not-teach-silence",
        "Correctness with the Brier term, where abstaining earns nothing, teaches policies to "
        "answer the unknowable.",
        AtLeast(0.1 - quantities.on("unknowable", "abstains", "brier-0"), 0.0),
        CONFIDENCE.control(
            "paid-silence-is-learned",
            "Where abstaining earns a quarter, the same training teaches them to abstain there.",
            AtLeast(quantities.on("unknowable", "abstains", "brier-25"), 0.9),
        ),
    ),
    CONFIDENCE.statement(
        "paid-silence-follows-the-optimum",
        "Where abstaining earns a quarter, under- and over-abstention are within 0.1 of those of "
        "the rule to answer above one half.",
        AllOf(*(
            Equivalent(
                quantities.decided(measure, "brier-25")
                - quantities.decided(f"predicted_{measure}", "brier-25"), 0.1,
                detects=quantities.decided(measure, "base")
                - quantities.decided(f"predicted_{measure}", "brier-25"),
            )
            for measure in ("under", "over")
        )),
    ),
    CONFIDENCE.statement(
        "stated-confidence-stays-calibrated",
        "The stated confidence stays calibrated whether or not abstaining is paid.",
        AllOf(*(AtLeast(0.06 - stated("ece", arm), 0.0) for arm in ("brier-0", "brier-25"))),
    ),
)  # fmt: skip

CONFIRMATIONS: tuple[Statement, ...] = (*ON_MIXES, *ON_TRAINING, *ON_CONFIDENCE)

MEASURES = ("under", "over", "tilt", "recall", "precision", "regret", "abstains",
            "predicted_under", "predicted_over")  # fmt: skip

CHOSEN = {
    **{
        f"abstention/data-mix/{measure.replace('_', '-')}/{objective}-{varied}-{share:g}":
            mixed(measure, varied, share, objective)
        for objective in ("true", "correctness")
        for varied, shares in (("unsafe", UNSAFE), ("unknowable", UNKNOWABLE))
        for share in shares
        for measure in MEASURES
    },
    **{
        f"abstention/data-mix/{plane}-{measure}/true-{varied}-{share:g}":
            mixed_plane(measure, plane, varied, share)
        for varied, shares in (("unsafe", UNSAFE), ("unknowable", UNKNOWABLE))
        for share in shares
        for plane in ("knowledge", "safety")
        for measure in ("under", "over", "tilt")
    },
    **{
        f"abstention/training/{measure.replace('_', '-')}/{arm}-from-{refusal:g}":
            changed(measure, "base", f"{arm} from {refusal:g}")
        for arm in ("w1-h3", "w3-h3", "w9-h9", "w3-h3-abrupt", "w9-h9-abrupt")
        for refusal in REFUSALS
        for measure in MEASURES
    },
    **{
        f"abstention/training/{measure.replace('_', '-')}/{arm}-{part.replace(' ', '-')}":
            changed(measure, part, arm)
        for parts, arms in (
            ([f"ramp {ramp:g}" for ramp in RAMPS], ("w1-h3", "w3-h3", "w9-h9")),
            (["entropy 0", "entropy 0.02", "entropy 0.2"], ("w3-h3-abrupt", "w9-h9-abrupt")),
            (["rate 0.0005", "rate 0.005"], ("w1-h3", "w3-h3", "w9-h9", "w3-h3-abrupt",
                                             "w9-h9-abrupt")),
            (["longer"], ("w0-h0", "w1-h3", "w3-h3", "w9-h0", "w9-h9")),
        )
        for part in parts
        for arm in arms
        for measure in MEASURES
    },
    **{
        f"abstention/training/{measure.replace('_', '-')}/anchor-{weight:g}":
            changed(measure, "anchor", f"anchor {weight:g}")
        for weight in (0.05, 0.1, 0.2, 0.5, 1.0)
        for measure in MEASURES
    },
    **{
        f"abstention/confidence/{measure.replace('_', '-')}/{arm}": stated(measure, arm)
        for arm in ("base", "brier-0", "brier-25", "brier-25-h3")
        for measure in ("ece", "over_confidence", "brier", "auroc")
    },
    **{
        f"abstention/confidence/{measure.replace('_', '-')}/{arm}":
            quantities.decided(measure, arm)
        for arm in ("brier-0", "brier-25", "brier-25-h3")
        for measure in MEASURES
    },
    **{
        f"abstention/confidence/{slice_}/{arm}": quantities.on(slice_, "abstains", arm)
        for arm in ("brier-0", "brier-25", "brier-25-h3")
        for slice_ in ("plain", "unknowable", "look-alike", "unsafe")
    },
}  # fmt: skip

QUANTITIES = {key: (value, "", bounds_of(value.measure)) for key, value in CHOSEN.items()}
