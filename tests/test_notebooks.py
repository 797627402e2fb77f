"""The notebooks: committed without outputs, executed by the build, in small cells."""

from __future__ import annotations

import re
import statistics

import nbformat
import pytest

ROLES = re.compile(r"\{(measured|published|given|numref|ref|doc|eq|cite:\w+)\}`|^[`:]{3,}\{", re.M)


@pytest.fixture(scope="module")
def cache(build):
    from jupyter_cache import get_cache

    return get_cache(str(build / ".jupyter_cache"))


def read(root, lab):
    return nbformat.read(root / lab, as_version=4)


def code_lines(cell):
    """Return the lines that do something: no blanks, no comments."""
    lines = [line.strip() for line in cell.source.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_notebook_is_committed_without_outputs(root, lab):
    cells = [cell for cell in read(root, lab).cells if cell.cell_type == "code"]
    assert cells
    assert not [cell.source for cell in cells if cell.outputs or cell.execution_count is not None]


def test_notebook_metadata_names_no_machine(root, lab):
    found = read(root, lab)
    assert found.metadata["kernelspec"]["name"] == "python3"
    assert "version" not in found.metadata.get("language_info", {})


def test_every_cell_ran_without_complaint(root, lab, cache):
    _, ran = cache.merge_match_into_notebook(read(root, lab))
    for cell in ran.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        assert cell.execution_count, f"did not run: {cell.source}"
        errors = [o.ename for o in cell.outputs if o.output_type == "error"]
        assert bool(errors) == ("raises-exception" in cell.metadata.get("tags", []))
        assert not [o.text for o in cell.outputs if o.get("name") == "stderr"]


def test_cells_are_small(root, lab):
    sizes = [len(code_lines(c)) for c in read(root, lab).cells if c.cell_type == "code"]
    assert max(sizes) <= 15, "logic belongs in the package"
    assert statistics.median(sizes) <= 3


def test_figures_have_text_alternatives(root, lab, cache):
    """A picture that is no Drawing takes its alternative from the cell's metadata."""
    _, ran = cache.merge_match_into_notebook(read(root, lab))
    for cell in ran.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if {"image/png", "image/svg+xml", "image/jpeg"} & set(data) and "text/html" not in data:
                about = cell.metadata.get("mystnb", {}).get("image", {})
                assert len(about.get("alt", "").split()) >= 4, cell.source


def test_text_reads_as_plain_markdown_too(root, lab):
    """JupyterLab and Colab know no roles or directives: they show them as typed."""
    cells = [c.source for c in read(root, lab).cells if c.cell_type == "markdown"]
    assert not [source for source in cells if ROLES.search(source)]


def test_chapters_and_labs_share_number_and_name(root):
    pattern = "[0-9]-*"
    labs = {path.stem for path in root.glob(f"notebooks/{pattern}.ipynb")}
    chapters = {path.stem for path in root.glob(f"book/{pattern}.md")}
    scorecard = {name for name in chapters if name.endswith("-scorecard")}
    assert labs
    assert labs - chapters == set()
    assert chapters - labs <= scorecard
