"""What every column of the abstention experiment's tables means, in one line each."""

from __future__ import annotations

__all__ = ["COLUMNS"]

COLUMNS: dict[str, str] = {
    "under": "Share answered of the requests that the true utility would abstain on.",
    "over": "Share abstained on of the requests that the true utility would answer.",
    "abstains": "Share of requests abstained on.",
    "chow_abstains": "Share of requests that the best decisions (Chow's rule) abstain on.",
    "chow": "Share of these requests that the best decisions (Chow's rule) abstain on.",
    "tilt": "Share abstained on less that of the best decisions; negative is too bold.",
    "excess": "Share abstained on less that at the optimum of the policy's own training.",
    "recall": "Share abstained on of the requests that should be abstained on.",
    "precision": "Share of abstentions that are on requests that should be abstained on.",
    "predicted": "Share abstained on at the optimum of the policy's own training.",
    "predicted_under": "Under-abstention at the optimum of the policy's own training.",
    "predicted_over": "Over-abstention at the optimum of the policy's own training.",
    "regret": "True utility of the best decisions less that of the policy.",
    "under_regret": "Part of the regret from answering what should be abstained on.",
    "over_regret": "Part of the regret from abstaining on what should be answered.",
    "choice_regret": "Part of the regret from giving another than the best answer.",
    "signed_regret": "Regret from over- less regret from under-abstention.",
    "best_utility": "True expected utility of the best decisions, per request.",
    "accuracy_given": "Share of the answers given that are right.",
    "threshold_disagreement": "Share of requests on which threshold rule and enumeration differ.",
    "own_regret": "Own reward at its optimum less that of the policy.",
    "greedy_own_regret": "The same for the policy without its randomness.",
    "posthoc_own_regret": "The same for the frozen base with the threshold rule for this reward.",
    "posthoc_under": "Under-abstention of the frozen base with the rule for this reward.",
    "posthoc_over": "Over-abstention of the frozen base with the rule for this reward.",
    "answerability_auroc": "AUROC of the policy's own confidence for requests with evidence.",
    "answering_answerability_auroc": "AUROC of its log-odds of answering for the same.",
    "harm_auroc": "AUROC of its log-odds of abstaining for harm.",
    "slice": "Kind of request; plain, look-alike and unsafe have the strongest evidence.",
    "plane": "Requests judged: all, or where only knowledge, or only safety, is in question.",
    "channel": "Forecast judged: answering (as best decision), worth (as right and harmless), "
    "answers (the answer given, as right), stated (confidence in words).",
    "bin": "Middle of the bin of the probability of answering.",
    "weight": "Share of requests in the bin.",
    "right": "Share of the bin's requests that should be answered.",
    "axes": "What thresholds are set on: see the text of the function `thresholds`.",
    "objective": "What is rewarded: true (the true utility) or correctness.",
    "varied": "Kind of request whose share of the training requests is varied.",
    "share": "That share.",
    "part": "What is changed about the training.",
}
