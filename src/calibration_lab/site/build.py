"""Build the book: experiments, then notebooks, then pages, and of each only what is not current.

Run it with ``python -m calibration_lab.site.build`` (``make book`` does). In this order:

1. Each headline experiment without a current result of its own runs, on all cores.
2. Each notebook runs, in parallel, if its cells, a module that it imports or a result that it reads
   changed. (jupyter-cache alone looks at the cells only.)
3. Jupyter Book writes the pages from the executed notebooks; any warning is an error.

If nothing at all changed since a build that succeeded, nothing is done.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from calibration_lab import results
from calibration_lab.site import inputs

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK_SECONDS = 600
INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={root}.html">
<link rel="icon" href="_static/favicon.svg">
</head>
<body><main><h1>{title}</h1><p><a href="{root}.html">Open the book</a></p></main></body>
</html>
"""


class BuildFailedError(Exception):
    """A part of the build failed; the message says which and why."""


@contextmanager
def part(name: str) -> Iterator[Callable[[str], None]]:
    """Time one part of the build and print one line about it."""
    start = time.perf_counter()
    said: list[str] = []
    yield said.append
    print(f"{name:<12} {said[-1]:<44} {time.perf_counter() - start:6.1f} s", flush=True)


def digest_files(paths: Iterable[Path], root: Path) -> str:
    """Digest the names and contents of files.

    Parameters
    ----------
    paths : iterable of Path
        The files; their order does not matter.
    root : Path
        Names are taken relative to this folder.

    Returns
    -------
    str
        Hexadecimal SHA-256.
    """
    found = hashlib.sha256()
    for path in sorted(set(paths)):
        found.update(f"{path.relative_to(root).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def site_digest(root: Path) -> str:
    """Digest what every page depends on: settings, style, references, code, packages."""
    names = ["_config.yml", "_toc.yml", "constraints.txt", "pyproject.toml"]
    paths = [root / name for name in names]
    for pattern in ("src/**/*", "book/**/*"):
        paths += [p for p in root.glob(pattern) if p.is_file() and p.suffix not in (".md", ".pyc")]
    # which pages there are, too: a page that is gone must not stay behind
    pages = sorted(p.relative_to(root).as_posix() for p in root.glob("book/**/*.md"))
    installed = sorted(f"{d.name} {d.version}" for d in importlib.metadata.distributions())
    text = json.dumps([digest_files(paths, root), pages, installed, sys.version])
    return hashlib.sha256(text.encode()).hexdigest()


def content_digest(root: Path) -> str:
    """Digest everything that a build reads: the site, every page, notebook and result."""
    paths = [*root.glob("book/**/*.md"), *inputs.notebooks(root)]
    stored = results.results_folder()
    found = digest_files(stored.glob("*.zip"), stored)
    return f"{site_digest(root)} {digest_files(paths, root)} {found}"


def run_experiments(root: Path) -> str:
    """Run every headline experiment that has no current result, and say how many ran.

    One that misses what it needs from outside, such as weights that could not be downloaded, is
    left out; its pages show the shipped record, with a note.

    Raises
    ------
    BuildFailedError
        If one of them failed.
    """
    from calibration_lab import experiments

    names = [e.name for e in experiments.EXPERIMENTS.values() if e.tier == "headline"]
    due = [name for name in names if not experiments.current(name)]
    absent = {name: reason for name in due if (reason := experiments.missing(name))}
    for name, reason in absent.items():
        print(f"{name} is not run: {reason}\n  its pages show the recorded run", flush=True)
    due = [name for name in due if name not in absent]
    recorded = f", {len(absent)} from the record" if absent else ""
    if not due:
        return f"{len(names) - len(absent)} current{recorded}"
    print(f"running {', '.join(due)} on {os.cpu_count()} cores", flush=True)
    command = [sys.executable, "-m", "calibration_lab", "run", *due]
    if subprocess.run(command, cwd=root).returncode:
        raise BuildFailedError("an experiment failed")
    return f"{len(due)} of {len(names)} ran{recorded}"


def run_notebook(path: Path) -> tuple[NotebookNode, float, str]:
    """Run one notebook in a kernel of its own, in the folder it lies in.

    Parameters
    ----------
    path : Path
        An ``.ipynb`` file; it is not changed.

    Returns
    -------
    notebook : NotebookNode
        With the outputs.
    seconds : float
        How long it took.
    failure : str
        The traceback, or "" if every cell ran.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=NOTEBOOK_SECONDS, kernel_name="python3")
    start, failure = time.perf_counter(), ""
    try:
        # the kernel's own log is dropped; what a cell writes to stderr is an output
        client.execute(cwd=str(path.parent), stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        failure = f"{path.name}: " + re.sub(r"\x1b\[[\d;]*m", "", str(error))  # no colours
    return notebook, time.perf_counter() - start, failure


def run_notebooks(root: Path, build: Path) -> str:
    """Run every notebook that is not current, in parallel, and say how many ran.

    Raises
    ------
    BuildFailedError
        With the traceback of every notebook that failed.
    """
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    cache = get_cache(str(build / ".jupyter_cache"))
    paths = inputs.notebooks(root)
    due: dict[Path, str] = {}
    for path in paths:
        stamp, digest = inputs.stamp(build, path), inputs.notebook_digest(path)
        try:
            found = cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:  # never ran with these cells
            due[path] = digest
            continue
        if not stamp.exists() or stamp.read_text("utf-8") != digest:
            cache.remove_cache(found.pk)
            due[path] = digest
    if not due:
        return f"{len(paths)} current"
    failures = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (notebook, seconds, failure) in zip(
            due, pool.map(run_notebook, due), strict=True
        ):
            if failure:
                failures.append(failure)
                continue
            bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            # the page is written again when this file is newer than the page
            results.write_atomically(inputs.stamp(build, path), due[path].encode())
            print(f"  {path.relative_to(root).as_posix():<54} {seconds:6.1f} s", flush=True)
    if failures:
        raise BuildFailedError("notebooks failed\n\n" + "\n".join(failures))
    return f"{len(due)} of {len(paths)} ran"


def write_pages(root: Path, build: Path, *, everything: bool) -> str:
    """Write the pages with Jupyter Book, every warning an error.

    Parameters
    ----------
    root : Path
        The project.
    build : Path
        Where to; the site is in its ``html``.
    everything : bool
        Whether to start afresh rather than write what changed.

    Raises
    ------
    BuildFailedError
        If Jupyter Book reports an error or a warning.
    """
    import yaml

    if everything:
        shutil.rmtree(build / "html", ignore_errors=True)
        shutil.rmtree(build / ".doctrees", ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(root), "--path-output", str(build.parent), "-W", "-n", "--keep-going", "-q"]
    plain = {**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=root, env=plain, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        # a page read with a warning is not read again: the warning would be gone the next time
        shutil.rmtree(build / ".doctrees", ignore_errors=True)
        raise BuildFailedError(f"pages failed\n\n{done.stdout}{done.stderr}")
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    index = INDEX.format(title=config["title"], root=toc["root"])
    results.write_atomically(build / "html" / "index.html", index.encode())
    return "all written" if everything else "changed pages written"


def build_book(root: Path, *, everything: bool = False, run: bool = True) -> Path:
    """Build the book of a checkout.

    Parameters
    ----------
    root : Path
        The checkout.
    everything : bool
        Whether to write every page even where nothing changed; experiments and notebooks still
        run only where they are not current.
    run : bool
        Whether to run experiments; without, pages show the results there are, shipped ones too.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    BuildFailedError
        If a notebook or a page failed.
    """
    from filelock import FileLock

    build = root / "_build"
    build.mkdir(exist_ok=True)
    stamp, index = build / ".built.json", build / "html" / "index.html"
    with FileLock(build / ".lock"):
        built = json.loads(stamp.read_text("utf-8")) if stamp.exists() and index.exists() else {}
        if built.get("content") == content_digest(root) and not everything:
            print("nothing changed since the last build")
            return index
        stamp.unlink(missing_ok=True)
        with part("experiments") as say:
            say(run_experiments(root) if run else "none run, as asked")
        with part("notebooks") as say:
            say(run_notebooks(root, build))
        site = site_digest(root)
        with part("pages") as say:
            say(write_pages(root, build, everything=everything or built.get("site") != site))
        now = {"content": content_digest(root), "site": site}
        results.write_atomically(stamp, json.dumps(now).encode())
    return index


def main() -> int:
    """Build the book from the command line.

    Returns
    -------
    int
        0 if it was built, 1 if a part failed.
    """
    parser = argparse.ArgumentParser(prog="python -m calibration_lab.site.build")
    parser.add_argument("--all", action="store_true", help="write every page again")
    parser.add_argument("--no-run", action="store_true", help="use the results there are")
    options = parser.parse_args()
    # before any worker starts: one thread each, as many workers as cores
    os.environ["OMP_NUM_THREADS"] = "1"
    root = results.checkout()
    if root is None:
        print("the book is built from a checkout of the project: install it with pip install -e")
        return 1
    start = time.perf_counter()
    try:
        index = build_book(root, everything=options.all, run=not options.no_run)
    except BuildFailedError as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{'book':<12} {index.relative_to(root)!s:<44} {time.perf_counter() - start:6.1f} s")
    print(f"open {index.as_uri()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
