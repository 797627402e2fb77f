"""Questions for the reader, in static HTML with native controls.

``quiz`` asks for the one right answer and gives feedback on each::

    ```{quiz} What does a proper score reward?
    - [x] Reporting what you believe.
      Honesty is optimal *in expectation*, whatever you believe.
    - [ ] Reporting certainty.
      Only the linear score does, $|c - y|$.
    ```

``predict`` asks for a probability before it shows the answer, and scores it with the Brier score.
The outcome is a statement of this book, as judged when the page was built (supported is 1, refuted
is 0, inconclusive gives no score), or ``:outcome: yes`` or ``no`` for a fact::

    ```{predict} The Brier term costs accuracy.
    :statement: binary-reward/brier-costs-accuracy

    The text shown afterwards.
    ```

Nothing leaves the page: predictions are kept in the browser's own storage, and ``predict-summary``
shows their mean. Without JavaScript the answers stand in a fold.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from calibration_lab.site.store import MissingError, judgement, note_experiment, warn
from calibration_lab.site.tables import html

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ANSWER = re.compile(r"- \[(?P<mark>[ xX])\] (?P<text>.+)")


def parse_answers(lines: list[str]) -> list[tuple[bool, str, str]]:
    """Read the answers of a quiz.

    Parameters
    ----------
    lines : list of str
        ``- [x] text`` begins the right answer and ``- [ ] text`` a wrong one; the indented lines
        below it are its feedback.

    Returns
    -------
    list of tuple
        Of each answer: whether it is right, its text, its feedback.

    Raises
    ------
    ValueError
        If a line is neither, if an answer has no feedback, or if not exactly one answer is right.

    Examples
    --------
    >>> parse_answers(["- [x] Yes.", "  Indeed.", "- [ ] No.", "  It is."])
    [(True, 'Yes.', 'Indeed.'), (False, 'No.', 'It is.')]
    """
    answers: list[tuple[bool, str, str]] = []
    for line in lines:
        found = ANSWER.fullmatch(line.strip())
        if found and not line.startswith(" "):
            answers.append((found["mark"] != " ", found["text"], ""))
        elif line.strip() and answers:
            right, text, feedback = answers[-1]
            answers[-1] = (right, text, f"{feedback} {line.strip()}".strip())
        elif line.strip():
            raise ValueError(f"a quiz's answers begin with '- [ ] ' or '- [x] ', got {line!r}")
    if sum(right for right, _, _ in answers) != 1:
        raise ValueError(f"a quiz needs exactly one right answer, got {answers!r}")
    for _, text, feedback in answers:
        if not feedback:
            raise ValueError(f"every answer of a quiz needs feedback (indented), {text!r} has none")
    return answers


class Question(SphinxDirective):
    """What ``quiz`` and ``predict`` share."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def identifier(self, kind: str) -> str:
        """Name this question within its page, and keep the name over builds."""
        return f"{kind}-{self.env.new_serialno(kind) + 1}"

    def inline(self, text: str, classes: tuple[str, ...] = ()) -> nodes.inline:
        """Parse one line of Markdown."""
        found, messages = self.state.inline_text(text, self.lineno)
        return nodes.inline("", "", *found, *messages, classes=list(classes))

    def block(self, *children: nodes.Node, kind: str) -> list[nodes.Node]:
        """Put a question together."""
        box = nodes.container("", *children, classes=["question", f"question-{kind}"])
        self.set_source_info(box)
        return [box]


class Quiz(Question):
    """The ``quiz`` directive."""

    def run(self) -> list[nodes.Node]:
        """Write a fieldset of radio buttons, and each answer's feedback."""
        try:
            answers = parse_answers(list(self.content))
        except ValueError as problem:
            raise self.error(str(problem)) from None
        name = self.identifier("quiz")
        out: list[nodes.Node] = [html(f'<fieldset class="quiz" id="{name}"><legend>')]
        out += [self.inline(self.arguments[0]), html("</legend>")]
        for number, (right, text, _) in enumerate(answers):
            mark = f'data-right="{str(right).lower()}" data-answer="{number}"'
            out.append(
                html(
                    f'<div class="quiz-answer"><input type="radio" name="{name}"'
                    f' id="{name}-{number}" {mark}><label for="{name}-{number}">'
                )
            )
            out += [self.inline(text), html("</label></div>")]
        out.append(html('<div class="quiz-feedback" role="status">'))
        for right, _, feedback in answers:
            word = "Right." if right else "Not quite."
            out.append(html(f'<p hidden class="quiz-{"right" if right else "wrong"}">'))
            out += [html(f"<strong>{word}</strong> "), self.inline(feedback), html("</p>")]
        out.append(html("</div></fieldset>"))
        out.append(html("<noscript><details><summary>Answer</summary><p>"))
        for right, text, feedback in answers:
            if right:
                out += [self.inline(text), nodes.Text(" "), self.inline(feedback)]
        out.append(html("</p></details></noscript>"))
        return self.block(*out, kind="quiz")


class Predict(Question):
    """The ``predict`` directive."""

    option_spec: ClassVar[dict[str, Any]] = {
        "statement": directives.unchanged_required,
        "outcome": lambda text: directives.choice(text, ("yes", "no")),
    }

    def outcome(self) -> tuple[str, str]:
        """Say what came out: ``1``, ``0`` or nothing, and in words."""
        if ("statement" in self.options) == ("outcome" in self.options):
            raise self.error("predict needs either :statement: or :outcome:")
        if "outcome" in self.options:
            true = self.options["outcome"] == "yes"
            return ("1", "It is true.") if true else ("0", "It is not true.")
        key = self.options["statement"]
        try:
            note_experiment(self.env, key)
            verdict = judgement(key).verdict
        except MissingError as missing:
            warn(str(missing), self.get_location())
            verdict = "inconclusive"
        code = {"supported": "1", "refuted": "0"}.get(verdict, "")
        return code, f"The experiment’s verdict: {verdict}."

    def run(self) -> list[nodes.Node]:
        """Write a slider, a button, and the answer that it reveals."""
        self.assert_has_content()
        code, words = self.outcome()
        name = self.identifier("predict")
        stored = escape(f"{self.env.docname}#{name}", quote=True)
        explanation = nodes.container(classes=["predict-explanation"])
        self.state.nested_parse(self.content, self.content_offset, explanation)
        out: list[nodes.Node] = [
            html(
                f'<form class="predict" id="{name}" data-outcome="{code}" data-key="{stored}">'
                f"<fieldset><legend>Before you read on: how probable is this?</legend>"
                f'<p class="predict-claim">'
            ),
            self.inline(self.arguments[0]),
            html(
                f'</p><div class="predict-controls"><label for="{name}-slider">Your probability'
                f'</label><input type="range" id="{name}-slider" min="0" max="100" step="1"'
                f' value="50" aria-valuetext="50 percent"><output for="{name}-slider">50%</output>'
                f'<button type="submit">Commit</button></div></fieldset>'
                f'<div class="predict-score" role="status"></div></form>'
                f'<div class="predict-answer" id="{name}-answer"><p><strong>{words}</strong></p>'
            ),
            explanation,
            html("</div>"),
        ]
        return self.block(*out, kind="predict")


class PredictSummary(SphinxDirective):
    """The ``predict-summary`` directive: the mean score of all the reader's predictions."""

    def run(self) -> list[nodes.Node]:
        """Write the line that the script fills in."""
        return [
            html(
                '<div class="predict-summary" role="status"><p>You have committed no prediction in'
                " this browser yet: the chapters ask for some.</p></div>"
            )
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("quiz", Quiz)
    app.add_directive("predict", Predict)
    app.add_directive("predict-summary", PredictSummary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
