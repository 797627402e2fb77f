"""What a notebook and a page depend on, so that exactly what changed is done again.

A notebook depends on its cells, on the modules of this package that it imports (with all that those
import), and on the experiments that it names, through their results, declarations and figures.
An experiment is named by a string in a cell: ``load("binary-reward")`` or a statement's key.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from calibration_lab import experiments, results
from calibration_lab.results.source import PACKAGE, REGISTRY, source_digest


def notebooks(root: Path) -> list[Path]:
    """List the notebooks of the book.

    Parameters
    ----------
    root : Path
        The checkout.

    Returns
    -------
    list of Path
        Sorted; autosaved copies are left out.
    """
    found = root.glob("notebooks/**/*.ipynb")
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def stamp(build: Path, notebook: Path) -> Path:
    """Name the file that keeps the digest with which a notebook was last run."""
    return build / "notebooks" / f"{notebook.stem}.digest"


def code_cells(notebook: Path) -> list[str]:
    """Read the code cells of a notebook, lines for IPython alone (``%``, ``!``) left out.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.

    Returns
    -------
    list of str
        Python source, one string per cell.
    """
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [
        "\n".join(line for line in source.splitlines() if line.lstrip()[:1] not in ("%", "!"))
        for source in sources
    ]


def imported_modules(code: str) -> set[str]:
    r"""Find the modules of this package that a piece of code imports.

    Parameters
    ----------
    code : str
        Python source.

    Returns
    -------
    set of str
        Dotted names.

    Examples
    --------
    >>> sorted(imported_modules("import numpy\nfrom calibration_lab import results"))
    ['calibration_lab.results']
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    ours = {name for name in names if name.startswith(f"{PACKAGE}.")}
    return {name for name in ours if is_module(name)}


def is_module(name: str) -> bool:
    """Tell whether a dotted name is a module that can be imported."""
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # its parent is a module, not a package: a name inside that
        return False
    return found is not None and found.origin is not None  # a bare folder has no origin


def named_experiments(code: str) -> set[str]:
    """Find the experiments that a piece of code names in a string.

    Parameters
    ----------
    code : str
        Python source.

    Returns
    -------
    set of str
        Names in the registry: those that a string equals, or begins with before a slash.
    """
    strings = {
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {
        name
        for name in experiments.EXPERIMENTS
        if any(text == name or text.startswith(f"{name}/") for text in strings)
    }


def experiment_modules(name: str) -> Iterator[str]:
    """List the modules that decide what readers see of an experiment."""
    module = experiments.get(name).module
    yield module
    for beside in ("statements", "figures", "columns"):
        other = f"{module.rpartition('.')[0]}.{beside}"
        if is_module(other):
            yield other


def stored_files(name: str) -> list[Path]:
    """List the files that hold an experiment's published results, this machine's first."""
    file = f"{results.result_key(name)}.zip"
    return [results.results_folder() / file, results.RECORD / file]


def module_file(name: str) -> Path | None:
    """Find the source file of a module."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin) if spec and spec.origin else None


def digest_parts(parts: Iterable[str]) -> str:
    """Digest several strings as one, hexadecimal SHA-256."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def notebook_digest(notebook: Path) -> str:
    """Digest all that decides what a notebook shows.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.

    Returns
    -------
    str
        Hexadecimal SHA-256.
    """
    cells = code_cells(notebook)
    code = "\n".join(cells)
    named = sorted(named_experiments(code))
    modules = imported_modules(code) | {m for name in named for m in experiment_modules(name)}
    modules.discard(REGISTRY)  # a further line in it changes nothing for those already there
    parts = [*cells, *(f"{module} {source_digest(module)}" for module in sorted(modules))]
    for name in named:
        for path in stored_files(name):
            content = path.read_bytes() if path.exists() else b""
            parts.append(f"{path.name} {hashlib.sha256(content).hexdigest()}")
    return digest_parts(parts)
