"""Figures of the confirmations of the asymmetric-loss experiment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from calibration_lab.experiments.asymmetric_loss import world
from calibration_lab.experiments.asymmetric_loss.confirmations import SETS
from calibration_lab.figures import WIDTH, Drawing, number, with_interval
from calibration_lab.results import Result
from calibration_lab.uncertainty import mean_interval, split_mean_interval

__all__ = ["FIGURES"]

REGIMES = {"fixed budget": "few steps", "cost of learning": "learning costs",
           "free to stop": "free to stop"}  # fmt: skip
MATTERS = 0.02  # of AUROC: a cell whose interval lies beyond is marked


def regime_map(result: Result) -> Drawing:
    """Who has learned more, over priors and cost ratios, in three regimes."""
    table = result.tables["cells"]
    table = table[table["ratio"] > 1]
    priors, ratios = sorted(table["prior"].unique()), sorted(table["ratio"].unique())
    mean, sure = {}, {}
    for regime in REGIMES:
        cells = table[table["regime"] == regime]
        grid = np.zeros((len(ratios), len(priors)))
        side = np.zeros_like(grid, dtype=int)
        for (ratio, prior), one in cells.groupby(["ratio", "prior"]):
            at = ratios.index(ratio), priors.index(prior)
            found = mean_interval(one.set_index("seed")["gap"], bounds=(-1, 1))
            grid[at] = found.estimate
            side[at] = int(found.low > MATTERS) - int(found.high < -MATTERS)
        mean[regime], sure[regime] = grid, side

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 6.6))
        shades = LinearSegmentedColormap.from_list("who", ["#56b4e9", "#ffffff", "#e69f00"])
        for axes, regime in zip(figure.subplots(3, 1, sharex=True), REGIMES, strict=True):
            axes.imshow(
                mean[regime], cmap=shades, vmin=-0.3, vmax=0.3, aspect="auto", origin="lower"
            )
            for i, j in np.ndindex(*mean[regime].shape):
                if sure[regime][i, j]:
                    axes.text(j, i, "+" if sure[regime][i, j] > 0 else "−", ha="center",
                              va="center", color="#1f1f1f", fontsize=10)  # fmt: skip
            edge = [np.interp(world.neutral_prior(r), priors, range(len(priors))) for r in ratios]
            axes.plot(edge, range(len(ratios)), color="#1f1f1f", marker="", linestyle="--")
            axes.set_yticks(range(len(ratios)), [f"{r:g}" for r in ratios])
            axes.set(title=REGIMES[regime], ylabel="Cost ratio",
                     xlim=(-0.5, len(priors) - 0.5))  # fmt: skip
        figure.axes[2].set_xticks(range(len(priors)), [f"{p:g}" for p in priors])
        figure.axes[2].set(xlabel="Share of positives (prior)")
        bar = figure.colorbar(
            figure.axes[0].images[0], ax=figure.axes[:3], location="bottom", shrink=0.8, aspect=40
        )
        bar.set_label("AUROC, plain less weighted")
        return figure

    told = []
    for regime, name in REGIMES.items():
        plus, minus = int((sure[regime] > 0).sum()), int((sure[regime] < 0).sum())
        told.append(
            f"{name}: the plain loss leads by more than {number(MATTERS, 2)} in {plus} of "
            f"{sure[regime].size} cells, the weighted one in {minus}; the gap ranges from "
            f"{number(float(mean[regime].min()))} to {number(float(mean[regime].max()))}"
        )
    return Drawing(
        draw,
        "AUROC of the plain less the weighted loss over priors and cost ratios, in three regimes, "
        f"with a dashed line at the predicted change of sign. {'; '.join(told)}.",
        "Signs mark cells that differ by more than the margin; the dashed line is the predicted "
        "change of sign.",
    )


def real_data(result: Result) -> Drawing:
    """The plain loss's lead in ranking and in value on six data sets, by cost ratio."""
    table = result.tables["splits"]
    ratios = sorted(table["cost_ratio"].unique())
    names = [name for name in SETS if name in set(table["data"])]
    shown = {"auroc": "AUROC", "value": "value of decisions"}
    found = {}
    for measure in shown:
        for name in names:
            for ratio in ratios:
                rows = table[(table["data"] == name) & (table["cost_ratio"] == ratio)]
                wide = rows.pivot(index="split", columns="arm", values=measure)
                lead = wide["plain"] - wide[f"weighted-{ratio:g}"]
                found[measure, name, ratio] = split_mean_interval(lead, test_fraction=0.25)

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        for axes, (measure, label) in zip(
            figure.subplots(1, 2, sharey=True), shown.items(), strict=True
        ):
            for i, ratio in enumerate(ratios):
                for row, name in enumerate(names):
                    one = found[measure, name, ratio]
                    axes.errorbar(
                        one.estimate, row + 0.22 * (i - 1),
                        xerr=[[one.estimate - one.low], [one.high - one.estimate]],
                        color=f"C{i}", marker="osD"[i], markersize=5, capsize=2, linestyle="",
                        label=f"cost ratio {ratio:g}" if row == 0 else None,
                    )  # fmt: skip
            axes.axvline(0, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set(title=label, xlabel="Plain less weighted", ylim=(len(names) - 0.4, -0.6))
            axes.set_yticks(range(len(names)), names)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3
        )
        return figure

    told = "; ".join(
        f"{name}, {shown[measure]}, cost ratio {ratio:g}: "
        f"{with_interval(one.estimate, one.low, one.high)}"
        for (measure, name, ratio), one in found.items()
    )
    return Drawing(
        draw, f"Lead of the plain loss on real data, free to stop, with intervals. {told}."
    )


def four_classes(result: Result) -> Drawing:
    """AUROC of three distinctions over steps, plain against weighted, half of the cases costly."""
    table = result.tables["distinctions"]
    table = table[table["prior"] == 0.5]
    names = list(dict.fromkeys(table["distinction"]))
    curves = {}
    for name in names:
        for ratio in sorted(table["ratio"].unique()):
            rows = table[(table["distinction"] == name) & (table["ratio"] == ratio)]
            wide = rows.pivot(index="seed", columns="step", values="auroc")
            found = [mean_interval(wide[step], bounds=(0, 1)) for step in wide]
            curves[name, ratio] = (wide.columns.to_numpy(float), found)

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.2))
        for axes, name in zip(figure.subplots(1, len(names), sharey=True), names, strict=True):
            for i, ratio in enumerate(sorted({ratio for _, ratio in curves})):
                x, found = curves[name, ratio]
                axes.fill_between(x, [f.low for f in found], [f.high for f in found],
                                  color=f"C{i}", alpha=0.25, linewidth=0)  # fmt: skip
                axes.plot(x, [f.estimate for f in found], color=f"C{i}", marker="os"[i],
                          markersize=4, linestyle=("-", "--")[i],
                          label="plain loss" if ratio == 1 else "weighted")  # fmt: skip
            axes.set(title=name, xlabel="Step")
        figure.axes[0].set(ylabel="AUROC")
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2
        )
        return figure

    told = []
    for (name, ratio), (x, found) in curves.items():
        middle = len(x) // 4
        one = found[middle]
        loss = "plain" if ratio == 1 else "weighted"
        told.append(
            f"{name}, {loss}: {with_interval(one.estimate, one.low, one.high)} at step "
            f"{number(x[middle], 0)}, {number(found[-1].estimate)} at the end"
        )
    return Drawing(draw, f"AUROC of three distinctions over training steps. {'; '.join(told)}.")


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "regime-map": regime_map,  # drawn from the exhibit asymmetric-loss/map
    "real-data": real_data,  # from asymmetric-loss/real-data
    "four-classes": four_classes,  # from asymmetric-loss/multiclass
}
