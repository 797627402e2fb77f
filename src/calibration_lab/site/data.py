"""The numbers behind the pages, to take away: as CSV with a data card, and in one archive.

Each ``experiment-figure`` links the tables it was drawn from. ``data-card`` tells, of every table
of an experiment and its exhibits, what a row is and what each column means; a column without a
meaning in the experiment's ``columns.py`` (or in ``experiments/columns.py``, for names that all
share) is a warning. ``result-archive`` links one archive of every result that the book shows.
``reproduction`` tells from which seeds, when, by which code and at what cost every result was
computed, and on what the book was built::

    ```{data-card} binary-reward
    ```

    ```{result-archive}
    ```

    ```{reproduction}
    ```
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from calibration_lab import experiments, results
from calibration_lab.experiments import columns as shared
from calibration_lab.results import write_atomically
from calibration_lab.site import inputs, store
from calibration_lab.site.tables import Row, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

FOLDER = "data"  # beside Sphinx's own doctrees
KINDS = {"f": "number", "i": "integer", "u": "integer", "b": "true or false", "O": "text"}
STAMP = (1980, 1, 1, 0, 0, 0)  # of every file in the archive: equal contents are equal bytes


class Watched(dict[str, pd.DataFrame]):
    """Tables that remember which of them were read."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        super().__init__(tables)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Like a dict's, and remember the table."""
        self.read.add(name)
        return super().get(name, default)


def link(env: BuildEnvironment, file: str, content: bytes, text: str) -> nodes.Node:
    """Write a file beside the pages, unless it is there already, and link it as a download."""
    path = Path(env.doctreedir).parent / FOLDER / file
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
    target = "/" + Path(os.path.relpath(path, env.srcdir)).as_posix()
    return addnodes.download_reference("", "", nodes.Text(text), reftarget=target)


def table_link(env: BuildEnvironment, name: str, which: str) -> nodes.Node:
    """Link one table of an experiment's published result as CSV."""
    content = store.result(name).tables[which].to_csv(index=False, lineterminator="\n")
    file = f"{results.result_key(name)}--{which}.csv"
    return link(env, file, content.encode(), f"{which}.csv")


def listed(links: list[nodes.Node]) -> list[nodes.Node]:
    """Links with commas between them."""
    return [part for one in links for part in (nodes.Text(", "), one)][1:]


def meanings(name: str) -> dict[str, str]:
    """What the columns of an experiment mean: its own words first, then the shared ones."""
    module = f"{experiments.get(name).module.rpartition('.')[0]}.columns"
    own = import_module(module).COLUMNS if inputs.is_module(module) else {}
    return {**shared.COLUMNS, **own}


def identifying(frame: pd.DataFrame) -> list[str]:
    """Columns that tell a row from every other, the first that do; none where rows come twice.

    Examples
    --------
    >>> identifying(pd.DataFrame({"seed": [1, 1], "arm": ["a", "b"], "ece": [0.1, 0.1]}))
    ['seed', 'arm']
    """
    for count in range(1, len(frame.columns) + 1):
        if not frame.iloc[:, :count].duplicated().any():
            return list(frame.columns[:count])
    return []


class DataCard(SphinxDirective):
    """The ``data-card`` directive."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Print every table of an experiment and its exhibits, and what its columns mean."""
        name = self.arguments[0]
        made: list[nodes.Node] = []
        try:
            store.note_experiment(self.env, name)
            for exhibit in experiments.EXPERIMENTS:
                if exhibit == name or exhibit.startswith(f"{name}/"):
                    made += [*self.cards(exhibit)]
        except store.MissingError as problem:
            store.warn(str(problem), self.get_location())
        if not made:
            store.warn(f"no experiment is called {name!r}", self.get_location())
        return made

    def cards(self, name: str) -> Iterator[nodes.Node]:
        """For each table of one run: a line that says what a row is, and the columns."""
        told = meanings(name)
        for which, frame in store.result(name).tables.items():
            rows = identifying(frame)
            what = f"one for each {', '.join(rows)}" if rows else "rows may come twice"
            yield nodes.rubric("", f"{name}: {which}")
            line = nodes.Text(f"{len(frame)} rows, {what}. Download: ")
            yield nodes.paragraph("", "", line, table_link(self.env, name, which))
            lines: list[Row] = []
            for column in frame.columns:
                if column not in told:
                    where = f"column {column!r} of table {which!r} of {name}"
                    store.warn(f"{where} has no meaning in columns.py", self.get_location())
                kind = KINDS.get(frame[column].dtype.kind, "text")
                lines.append([[nodes.literal("", column)], kind, told.get(column, "")])
            yield table(["Column", "Kind", "Meaning"], lines, label=f"Columns of {which}")


class ResultArchive(SphinxDirective):
    """The ``result-archive`` directive."""

    def run(self) -> list[nodes.Node]:
        """Link an archive of every result that the book shows, as the result store keeps it."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # zips already
            for name in experiments.EXPERIMENTS:
                store.note_experiment(self.env, name)
                shown = store.result(name)
                for path in inputs.stored_files(name):
                    if path.exists() and results.read(path)[0] == shown.provenance:
                        archive.writestr(zipfile.ZipInfo(path.name, STAMP), path.read_bytes())
                        break
        size = f"{len(content.getvalue()) / 1e6:.0f} MB"
        all_of_it = link(self.env, "results.zip", content.getvalue(), f"results.zip ({size})")
        return [nodes.paragraph("", "", all_of_it)]


class Reproduction(SphinxDirective):
    """The ``reproduction`` directive."""

    def run(self) -> list[nodes.Node]:
        """Print a row for every result, and what the book was built with."""
        rows: list[Row] = []
        for name, experiment in experiments.EXPERIMENTS.items():
            store.note_experiment(self.env, name)
            shown = store.result(name)
            about = shown.provenance
            code = about.commit[:10] + (" and changes" if about.dirty else "")
            confirms = " (confirmation)" if experiment.tier == "confirmation" else ""
            rows.append(
                [
                    f"{name}{confirms}",
                    f"{min(about.seeds)} to {max(about.seeds)}",
                    f"{about.cpu_seconds:.0f}",
                    f"{about.date}, commit {code}" if code else about.date,
                    "as it is now" if shown.current else "changed since",
                ]
            )
        heads = ["Experiment", "Seeds", "CPU seconds", "Computed", "Source"]
        built = ", ".join(f"{name} {version}" for name, version in results.versions_here().items())
        day, (commit, _) = time.strftime("%Y-%m-%d", time.gmtime()), results.commit_here()
        which = f", from commit {commit[:10]}" if commit else ""
        told = f"This page was built on {day}{which}, on {results.machine_here()}: {built}."
        return [table(heads, rows, label="Experiments"), nodes.paragraph("", told)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("data-card", DataCard)
    app.add_directive("result-archive", ResultArchive)
    app.add_directive("reproduction", Reproduction)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
