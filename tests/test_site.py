"""The site room without a site: reading its tables, and knowing what changed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from calibration_lab import experiments, results
from calibration_lab.figures.drawing import Drawing
from calibration_lab.site import build as building
from calibration_lab.site import inputs, numbers, store, theme
from calibration_lab.site.exhibits import duration, seed_range
from calibration_lab.site.mathjax import bundle
from calibration_lab.site.published import COLUMNS, read_table
from calibration_lab.site.questions import parse_answers
from calibration_lab.site.slider import Slider
from calibration_lab.site.tables import table
from calibration_lab.statements import Measured

# ---- published figures ------------------------------------------------------------------------


def write_table(folder: Path, *rows: str) -> Path:
    path = folder / "published.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", "utf-8")
    return path


def test_published_table_is_read(tmp_path):
    path = write_table(tmp_path, 'a,38.9,%,"what, exactly",wu2025knowledge,Table 2,verified')
    assert read_table(path)["a"]["what"] == "what, exactly"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,1,,w,s,p,verified", "a,1,,w,s,p,verified"], "the key 'a' twice"),
        (["a,,,w,s,p,verified"], "value must not be empty"),
        (["a,1,,w,s,p,maybe"], "status must be one of"),
    ],
)
def test_published_table_is_checked(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_table(write_table(tmp_path, *rows))


def test_books_published_figures_are_cited_and_sound(root):
    keys = set(re.findall(r"^@\w+\{([^,]+),", (root / "book/references.bib").read_text(), re.M))
    rows = read_table(root / "book" / "published.csv")
    assert not {row["source"] for row in rows.values()} - keys


def test_bibliography_has_no_unfinished_entries(root):
    text = (root / "book" / "references.bib").read_text("utf-8")
    keys = re.findall(r"^@\w+\{([^,]+),", text, re.M)
    assert len(keys) == len(set(keys)) > 10
    assert "others" not in text
    assert len(re.findall(r"^  (?:author|editor) =", text, re.M)) == len(keys)
    assert len(re.findall(r"^  year =", text, re.M)) == len(keys)


SHARE = Measured("share")


@pytest.mark.parametrize(
    ("declared", "limits"),
    [
        (SHARE, "0.00 [interval undefined]"),
        ((SHARE, "%"), "0.00% [interval undefined]"),
        ((SHARE, "", (0, 1)), "0.00 [0.00, 0.21]"),
        ((SHARE, "%", (0, 1)), "0% [0, 21]"),
    ],
)
def test_a_quantity_is_told_within_its_bounds(monkeypatch, declared, limits):
    frame = pd.DataFrame({"seed": range(16), "share": 0.0})
    monkeypatch.setattr(store, "beside", lambda *_: SimpleNamespace(QUANTITIES={"lab/a": declared}))
    monkeypatch.setattr(store, "experiment_of", lambda key: "lab")
    monkeypatch.setattr(store, "result", lambda _: SimpleNamespace(tables={"outcomes": frame}))
    numbers.quantity.cache_clear()
    text = numbers._quantity_text("lab/a", "effect")
    numbers.quantity.cache_clear()
    assert text.replace("\N{NO-BREAK SPACE}", " ") == limits


def test_a_dependency_on_another_drive_keeps_its_whole_path(monkeypatch):
    def apart(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    assert store._from(Path("a/b"), "a") == "b"
    monkeypatch.setattr(store.os.path, "relpath", apart)
    assert store._from(Path("/a/b"), "a") == str(Path("/a/b"))


# ---- questions, sliders, tables ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["- [ ] a", "  why"], "exactly one right answer"),
        (["- [x] a", "  why", "- [x] b", "  why"], "exactly one right answer"),
        (["- [x] a"], "needs feedback"),
        (["a"], "begin with"),
    ],
)
def test_quiz_is_checked(lines, message):
    with pytest.raises(ValueError, match=message):
        parse_answers(lines)


def drawings(count: int) -> dict[str, Drawing]:
    from matplotlib.figure import Figure

    return {f"{i / 2}": Drawing(Figure, f"An empty figure, number {i}") for i in range(count)}


def test_slider_is_the_same_for_the_same_drawings():
    slider = Slider(drawings(3), "Weight", start=1)
    assert slider.html() == Slider(drawings(3), "Weight", start=1)._repr_html_()
    assert slider.html().count('role="img"') == 3
    assert slider.html().count(" hidden>") == 2
    assert 'value="1"' in slider.html()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((drawings(1), "Weight"), "at least two"),
        ((drawings(2), " "), "label must name"),
        ((drawings(2), "Weight", 2), "start must be"),
    ],
)
def test_slider_is_checked(given, message):
    with pytest.raises(ValueError, match=message):
        Slider(*given)


def test_table_rows_must_fit():
    with pytest.raises(ValueError, match="2 cells, got 1"):
        table(["a", "b"], [["only one"]], label="A table")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<summary><span class="toctree-toggle"', 'aria-label="Show or hide'),
        ("<tr><th></th></tr>", "<td></td>"),
        ('<p role="doc-biblioentry">', "<p>"),
    ],
)
def test_theme_repairs(before, after):
    assert after in theme.repair(before)
    assert theme.repair(theme.repair(before)) == theme.repair(before)


def test_mathjax_comes_from_a_package():
    assert bundle().stat().st_size > 1_000_000


def test_words_for_seeds_and_time():
    assert seed_range(tuple(range(1000, 1032))) == "32 seeds, 1000 to 1031"
    assert [duration(s) for s in (0.4, 89, 90, 5400)] == ["0 s", "89 s", "2 min", "1.5 h"]


# ---- what changed -----------------------------------------------------------------------------


def write_notebook(path: Path, *cells: str) -> Path:
    found = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": found}), "utf-8")
    return path


def test_notebook_names_its_modules_and_experiments(tmp_path):
    path = write_notebook(
        tmp_path / "a.ipynb",
        "%matplotlib inline\nfrom calibration_lab import experiments, scores\nimport numpy",
        'experiments.load("binary-reward")',
    )
    code = "\n".join(inputs.code_cells(path))
    assert inputs.imported_modules(code) == {
        "calibration_lab.experiments",
        "calibration_lab.scores",
    }
    assert "binary-reward" in inputs.named_experiments(code)
    assert "measuring-calibration" not in inputs.named_experiments(code)


def test_notebook_digest_follows_cells_and_results(tmp_path, monkeypatch):
    monkeypatch.setenv("CALIBRATION_LAB_RESULTS", str(tmp_path / "results"))
    name = next(iter(experiments.EXPERIMENTS))
    path = write_notebook(tmp_path / "a.ipynb", f"name = {name!r}")
    before = inputs.notebook_digest(path)
    assert inputs.notebook_digest(path) == before
    stored = results.results_folder() / f"{results.result_key(name)}.zip"
    stored.parent.mkdir()
    stored.write_bytes(b"another result")
    with_result = inputs.notebook_digest(path)
    assert with_result != before
    write_notebook(path, f"name = {name!r}\n1")
    assert inputs.notebook_digest(path) not in (before, with_result)


def test_notebook_digest_follows_modules(tmp_path, monkeypatch):
    path = write_notebook(tmp_path / "a.ipynb", "from calibration_lab import experiments, scores")
    before = inputs.notebook_digest(path)
    monkeypatch.setattr(inputs, "source_digest", lambda module: f"changed {module}")
    assert inputs.notebook_digest(path) != before


def test_digest_of_files_follows_name_and_content(tmp_path):
    (tmp_path / "a").write_text("1")
    before = building.digest_files([tmp_path / "a"], tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = building.digest_files([tmp_path / "b"], tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, building.digest_files([tmp_path / "b"], tmp_path)}) == 3


def test_failing_notebook_is_reported_with_its_error(tmp_path):
    import nbformat

    cells = [nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    _, _, failure = building.run_notebook(tmp_path / "a.ipynb")
    assert "a.ipynb" in failure
    assert "ZeroDivisionError" in failure


# ---- packaging --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


def pins(lines) -> dict[str, str]:
    found = (re.match(r"([\w.-]+)==([\w.+!]+)$", line.strip()) for line in lines)
    return {re.sub(r"[-_.]+", "-", m[1]).lower(): m[2] for m in found if m}


@pytest.fixture(scope="module")
def constraints(root):
    return pins((root / "constraints.txt").read_text("utf-8").splitlines())


def requirements(project) -> list[str]:
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(line for extra in extras for line in extra)]


def test_constraints_pin_everything_but_torch(project, constraints, root):
    lines = (root / "constraints.txt").read_text("utf-8").splitlines()
    assert len(constraints) == len([line for line in lines if line and not line.startswith("#")])
    assert "torch" not in constraints
    names = {
        re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", r)[0]).lower() for r in requirements(project)
    }
    assert names - {"torch"} <= set(constraints)


def test_constraints_meet_what_the_project_asks(project, constraints):
    from packaging.requirements import Requirement

    for line in requirements(project):
        asked = Requirement(line)
        name = re.sub(r"[-_.]+", "-", asked.name).lower()
        assert name == "torch" or asked.specifier.contains(constraints[name]), line


def test_conda_users_get_the_same(project, root):
    wanted = yaml.safe_load((root / "environment.yml").read_text("utf-8"))["dependencies"]
    pip = next(entry["pip"] for entry in wanted if isinstance(entry, dict))
    torch = next(line for line in project["dependencies"] if line.startswith("torch"))
    assert pip == ["-c constraints.txt", torch, "-e .[book,language-model,test]"]
    python = next(line for line in wanted if str(line).startswith("python="))
    assert python.removeprefix("python=") in ("3.11", "3.12", "3.13")


def test_torch_is_pinned_alike_everywhere(project, root):
    torch = next(line for line in project["dependencies"] if line.startswith("torch"))
    for name in ("Makefile", "environment.yml"):
        found = re.findall(r"torch==[\d.]+", (root / name).read_text("utf-8"))
        assert set(found) == {torch}
