"""The book's own roles and directives, on the page of the fixture book that uses each of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SCRIPT = Path(__file__).parent / "fixture" / "build.py"


@pytest.fixture(scope="module")
def page(fixture_book):
    return BeautifulSoup((fixture_book / "directives.html").read_text("utf-8"), "html.parser")


def test_measured_prints_one_form(page):
    shown = [tag.text for tag in page.select("article p > .measured")]
    assert re.fullmatch(r"0\.2\d+ \[0\.1\d+,\xa00\.2\d+\]", shown[0])
    assert shown[1] == shown[0].split()[0]
    assert shown[2] == "12\xa0seeds"
    assert {"supported", "refuted", "inconclusive"} <= set(shown)


def test_quantity_with_a_unit(page):
    assert re.fullmatch(r"(69|70|71)\.\d+%", page.find_all(class_="measured")[8].text)


def test_published_cites_its_paper(page):
    shown = page.find(class_="published")
    assert shown.text == "38.9%"
    assert "Wu" in shown.find_next("a").text
    table = page.select_one("table.published-table")
    assert len(table.select("tbody tr")) == 2
    assert "−8\xa0models" in table.text


def test_statement_boxes_carry_word_and_reason(page):
    boxes = page.select("div.statement")
    words = [box.select_one(".statement-head .verdict").text for box in boxes]
    assert words == ["supported", "refuted", "inconclusive"]
    assert "too small" in boxes[1].text
    assert "1 control, supported" in boxes[0].text


def test_verdict_table_has_all_statements_with_anchors(page):
    table = page.select_one("table.verdict-table")
    assert len(table.select("tbody tr")) == 3
    assert page.find(id="verdict-demo-claim-open")
    assert "Holm: supported" in table.text


def test_figures_come_in_two_versions_with_one_text(page):
    for name in ("fig-arms", "fig-effects", "fig-reliability", "fig-curve"):
        figure = page.find(id=name)
        light, dark = figure.find_all("img")
        assert light["alt"] == dark["alt"]
        assert re.search(r"\d", light["alt"])
        assert light["src"].endswith("-light.svg")
        assert dark["src"].endswith("-dark.svg")
        assert "Fig." in figure.find("figcaption").text


def test_a_result_that_was_not_computed_here_carries_a_note(page):
    (note,) = page.select(".admonition.not-from-here")
    assert "was not computed on this machine" in note.text
    assert "recorded on 20" in note.text
    assert note.select_one("code").text == "python -m calibration_lab run demo-claim/elsewhere"
    assert "demo-claim/elsewhere" in note.find_next(class_="provenance").text


def test_provenance_says_where_from(page):
    told = page.select_one(".provenance").text
    assert "computed on this machine" in told
    assert "12 seeds, 1000 to 1011" in told
    assert "unchanged since" in told


MISTAKES = {
    "statement": "{measured}`demo-claim/no-such`",
    "field": "{measured}`demo-claim/open:no-such`",
    "experiment": "{measured}`no-such/open`",
    "published": "{published}`no-such`",
    "published-field": "{published}`demo-drop:no-such`",
    "box": "```{statement} demo-claim/no-such\n```",
    "table": "```{verdict-table} no-such\n```",
    "figure": "```{experiment-figure} demo-claim/no-such\n\nCaption.\n```",
    "figure-of-slider": "```{experiment-figure} demo-claim/moving\n\nCaption.\n```",
    "slider-without-label": "```{experiment-slider} demo-claim/moving\n\nCaption.\n```",
    "provenance": "```{provenance} no-such\n```",
    "published-table": "```{published-table} no-such\n```",
    "quiz": "```{quiz} No right answer?\n- [ ] One.\n  No.\n```",
    "predict": "```{predict} Neither statement nor outcome.\n\nText.\n```",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """Build a book of mistakes, one a page, and return what the build says."""
    folder = tmp_path_factory.mktemp("mistakes")
    pages = shutil.copytree(SCRIPT.parent / "pages", folder / "sources")
    for name, text in MISTAKES.items():
        (pages / f"{name}.md").write_text(f"# One mistake\n\n{text}\n", "utf-8")
    listed = "".join(f"  - file: {name}\n" for name in MISTAKES)
    (pages / "_toc.yml").write_text(
        f"format: jb-book\nroot: start\nchapters:\n  - file: directives\n{listed}", "utf-8"
    )
    command = [sys.executable, SCRIPT, folder / "out", "--pages", pages]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_missing_fails_the_build(complaints, name):
    assert f"/{name}.md:" in complaints


def test_nothing_else_fails_the_build(complaints):
    assert "/directives.md:" not in complaints


# ---- in a browser -----------------------------------------------------------------------------


@pytest.fixture
def opened(tab, fixture_address):
    tab.goto(f"{fixture_address}/directives.html", wait_until="load")
    return tab


@pytest.mark.browser
def test_quiz_by_keyboard(opened):
    quiz = opened.locator(".quiz").first
    quiz.locator("input").first.focus()
    opened.keyboard.press("ArrowDown")
    assert "Not quite." in quiz.get_by_role("status").inner_text()
    opened.keyboard.press("ArrowUp")
    assert "Right." in quiz.get_by_role("status").inner_text()
    assert quiz.locator(".quiz-feedback p:visible").count() == 1


@pytest.mark.browser
def test_predict_scores_reveals_and_remembers(opened):
    form = opened.locator("form.predict").first
    answer = opened.locator(".predict-answer").first
    assert not answer.is_visible()
    form.get_by_role("slider").fill("80")
    assert "80%" in form.locator("output").inner_text()
    form.get_by_role("button").click()
    assert "0.040" in form.locator(".predict-score").inner_text()
    assert answer.is_visible()
    opened.reload()
    assert answer.is_visible()
    assert "0.040" in opened.locator(".predict-summary").inner_text()
    opened.locator(".predict-summary button").click()
    opened.wait_for_load_state()
    assert not answer.is_visible()


@pytest.mark.browser
def test_predict_gives_no_score_where_the_data_do_not_decide(opened):
    form = opened.locator("form.predict").nth(2)
    form.get_by_role("button").click()
    assert "no score" in form.locator(".predict-score").inner_text()


@pytest.mark.browser
def test_slider_moves_by_keyboard(opened):
    slider = opened.locator(".slider").first
    assert slider.locator("output").inner_text() == "0.5"
    slider.get_by_role("slider").press("ArrowRight")
    assert slider.locator("output").inner_text() == "1.0"
    assert slider.get_by_role("slider").get_attribute("aria-valuetext") == "1.0"
    frames = slider.locator(".slider-frame")
    assert [frames.nth(i).is_visible() for i in range(3)] == [False, False, True]


@pytest.mark.browser
def test_captions_are_seen_in_light_and_dark(opened):
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        opened.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        figure = opened.locator("#fig-arms")
        assert figure.locator("figcaption").is_visible()
        assert figure.locator("img:visible").count() == 1
        assert figure.locator(f"img.only-{scheme}").is_visible()


@pytest.mark.browser
def test_print_is_light_and_shows_answers(opened):
    opened.emulate_media(color_scheme="dark")
    opened.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.locator("#fig-arms img.only-light").is_visible()
    assert not opened.locator("#fig-arms img.only-dark").is_visible()
    assert opened.locator(".predict-answer").first.is_visible()


@pytest.mark.browser
def test_everything_is_readable_without_scripts(browser, fixture_address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{fixture_address}/directives.html")
    assert page.locator(".predict-answer").first.is_visible()
    assert not page.locator(".predict-controls").first.is_visible()
    assert page.locator(".slider-frame:visible").count() == 1
    assert page.locator("noscript details").count() == 1
    context.close()
