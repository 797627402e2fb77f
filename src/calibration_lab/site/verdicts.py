"""Judged statements on a page: one as a box, or all of an experiment's as a table.

::

    ```{statement} binary-reward/brier-restores-calibration
    ```

    ```{verdict-table} binary-reward
    ```

``verdict-table`` takes several experiments, or ``all``; below each verdict stands the one after
Holm's adjustment over all statements of the table. Nothing in either is typed: sentence,
verdict, effect, threshold and controls come from the declarations and the stored result. A verdict
is a word with an icon; colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from calibration_lab import experiments
from calibration_lab.figures.drawing import declared
from calibration_lab.site import store
from calibration_lab.site.numbers import FIELDS, effect_text
from calibration_lab.site.tables import Row, html, table
from calibration_lab.site.wording import worded

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from calibration_lab.statements import Judgement


def verdict(word: str) -> nodes.inline:
    """Print a verdict; its icon is drawn by the style sheet, hidden from screen readers."""
    return nodes.inline("", word, classes=["verdict", f"verdict-{word}"])


def expectation(judgement: Judgement) -> str:
    """Say for which true values a statement holds.

    Parameters
    ----------
    judgement : Judgement
        Its ``region`` is read.

    Returns
    -------
    str
        Such as ``above 0.05`` or ``−0.02 to 0.02``.
    """
    low, high = judgement.region
    if judgement.interval is None:
        return f"at most {declared(judgement.threshold)}"
    if high == float("inf"):
        return f"above {declared(low)}"
    if low == float("-inf"):
        return f"below {declared(high)}"
    between = f"{declared(low)} to {declared(high)}"
    return f"outside {between}" if judgement.kind.startswith("detects") else between


def summary(judged: Sequence[Judgement], what: str) -> str:
    """Say in one line how many of some statements are supported.

    Parameters
    ----------
    judged : sequence of Judgement
        Controls or parts.
    what : str
        What one of them is called.

    Returns
    -------
    str
        Such as ``3 controls, all supported``.
    """
    held = sum(j.verdict == "supported" for j in judged)
    noun = what if len(judged) == 1 else f"{what}s"
    if held == len(judged):
        return f"{len(judged)} {noun}, {'supported' if held == 1 else 'all supported'}"
    return f"{len(judged)} {noun}, {held} supported"


class _Judged(SphinxDirective):
    """What ``statement`` and ``verdict-table`` share."""

    def inline(self, text: str) -> list[nodes.Node]:
        """Parse one line of Markdown, such as a statement's sentence with its formulas."""
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]

    def folded(self, judged: Sequence[Judgement], what: str) -> list[nodes.Node]:
        """List controls or parts below a line that says how many hold."""
        # a difference that several parts are known to detect is one control
        judged = list({(one.text, one.effect): one for one in judged}.values())
        if not judged:
            return []
        items = []
        for one in judged:
            line: list[nodes.Node] = [verdict(one.verdict), nodes.Text(" ")]
            line += self.inline(worded(one.text).rstrip("."))
            found = f": {effect_text(one)}; expected {expectation(one)}."
            items.append(nodes.list_item("", nodes.paragraph("", "", *line, nodes.Text(found))))
        opened = f"<details><summary>{escape(summary(judged, what))}</summary>"
        listed = nodes.bullet_list("", *items)
        return [nodes.container("", html(opened), listed, html("</details>"))]


class StatementBox(_Judged):
    """The ``statement`` directive."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"name": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Print one statement with its verdict and all that the verdict rests on."""
        key = self.arguments[0]
        try:
            store.note_experiment(self.env, key)
            judged = store.judgement(key)
            adjusted = FIELDS["holm"](judged)
        except store.MissingError as problem:
            store.warn(str(problem), self.get_location())
            return [nodes.paragraph("", f"[missing statement: {key}]")]
        head = nodes.paragraph("", "", verdict(judged.verdict), classes=["statement-head"])
        head += nodes.inline("", judged.truth, classes=["statement-truth"])
        said = nodes.paragraph("", "", *self.inline(judged.text), classes=["statement-text"])
        found = f"Effect {effect_text(judged)}; expected {expectation(judged)}; "
        found += FIELDS["units"](judged)
        if judged.smallest_detectable == judged.smallest_detectable:
            found += f"; smallest detectable effect {FIELDS['smallest-detectable'](judged)}"
        found += "."
        if adjusted != judged.verdict:
            found += f" After Holm’s adjustment over this experiment’s statements: {adjusted}."
        body: list[nodes.Node] = [head, said, nodes.paragraph("", found)]
        if judged.reason:
            body.append(nodes.paragraph("", f"Why: {worded(judged.reason)}."))
        if judged.amended:
            body.append(nodes.paragraph("", f"Amended after seeing results: {judged.amended}"))
        body += self.folded(judged.parts, "part")
        body += self.folded(judged.controls, "control")
        classes = ["statement", f"statement-{judged.verdict}"]
        box = nodes.container("", *body, classes=classes, ids=[f"statement-{nodes.make_id(key)}"])
        self.set_source_info(box)
        self.add_name(box)
        return [box]


class VerdictTable(_Judged):
    """The ``verdict-table`` directive."""

    required_arguments = 1
    optional_arguments = 100

    def run(self) -> list[nodes.Node]:
        """Print all statements of the experiments, one a row."""
        names = self.arguments
        if names == ["all"]:
            headline = [e.name for e in experiments.EXPERIMENTS.values() if e.tier == "headline"]
            names = [name for name in headline if experiments.statements(name)]
        found: list[Judgement] = []
        for name in names:
            try:
                store.note_experiment(self.env, name)
                found += store.judgements(name).values()
            except store.MissingError as problem:
                store.warn(str(problem), self.get_location())
                return []
        if not found:
            return []
        adjusted = store.holm(tuple(names))
        rows = [self.row(one, f"Holm: {adjusted[one.key]}") for one in found]
        ids = [f"verdict-{nodes.make_id(one.key)}" for one in found]
        heads = ["Statement", "Effect", "Expected", "Units", "Verdict"]
        label = f"Statements and verdicts: {', '.join(names)}"
        made = table(heads, rows, label=label, classes=["verdict-table"], ids=ids)
        note = f"Holm: the verdict after Holm’s adjustment over the {len(found)} statements above."
        amended = sum(bool(one.amended) for one in found)
        if amended:
            note += f" Amended after seeing earlier results: {amended}, judged on fresh seeds."
        return [made, nodes.paragraph("", note, classes=["statement-truth"])]

    def row(self, judged: Judgement, adjusted: str) -> Row:
        """Print one statement; `adjusted` is its verdict among all of the table's."""
        truth = nodes.paragraph("", judged.truth, classes=["statement-truth"])
        said: list[nodes.Node] = [nodes.paragraph("", "", *self.inline(judged.text)), truth]
        said += self.folded(judged.parts, "part")
        said += self.folded(judged.controls, "control")
        if judged.amended:
            note = "<details><summary>amended after seeing results</summary>"
            why = nodes.paragraph("", judged.amended)
            said.append(nodes.container("", html(note), why, html("</details>")))
        word = nodes.paragraph("", "", verdict(judged.verdict))
        after = nodes.paragraph("", adjusted, classes=["statement-truth"])
        ending: list[nodes.Node] = [word, after]
        if judged.reason:
            why = worded(judged.reason)
            ending.append(nodes.paragraph("", why, classes=["statement-truth"]))
        units = FIELDS["units"](judged)
        return [said, effect_text(judged), expectation(judged), units, ending]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("statement", StatementBox)
    app.add_directive("verdict-table", VerdictTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
