"""Digest of the source that decides a result: what has to be unchanged for it to be current."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = "calibration_lab"
REGISTRY = (
    f"{PACKAGE}.experiments"  # lists and runs the experiments; no experiment computes with it
)


def source_digest(module: str, root: Path | None = None) -> str:
    """Digest of all source that decides what a module computes, as 64 hexadecimal digits.

    It covers the module and, transitively, every module of this package (and of the module's own)
    that any of them imports, anywhere in the file. Comments, docstrings and blank lines do not
    count. A package's ``__init__`` counts when a name is imported out of it, not merely for lying
    on the way; the registry of experiments never counts.

    Parameters
    ----------
    module : str
        Full dotted name, such as ``calibration_lab.scores``. It is read, not imported.
    root : Path, optional
        Folder that holds the packages; by default where Python finds them.

    Raises
    ------
    ModuleNotFoundError
        If there is no source file for `module`.
    """
    folders = {top: root or _home(top) for top in {module.partition(".")[0], PACKAGE}}
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _locate(name, folders)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += _imports(name, path, folders)
    if module not in found:
        raise ModuleNotFoundError(f"no source file for the module {module!r}", name=module)
    digest = hashlib.sha256()
    for name, path in sorted(found.items()):
        digest.update(f"{name}\n{_code_only(path.read_text('utf-8'))}\n".encode())
    return digest.hexdigest()


def _home(top: str) -> Path | None:
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parents[1 if spec.submodule_search_locations else 0]


def _locate(name: str, folders: Mapping[str, Path | None]) -> Path | None:
    folder = folders.get(name.partition(".")[0])
    if folder is None or name == REGISTRY:
        return None
    stem = folder.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))  # as Python looks
    return next((path for path in candidates if path.is_file()), None)


def _imports(name: str, path: Path, folders: Mapping[str, Path | None]) -> Iterator[str]:
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:  # a name is a module of its own, or stands in the package
                inner = f"{base}.{alias.name}"
                yield inner if _locate(inner, folders) else base


@cache
def _code_only(text: str) -> str:
    """Text of a module without comments, docstrings, blank lines and trailing blanks.

    Positions come from the tokenizer and the parser, but the text stays as typed: a digest of
    tokens or of the tree would change with the version of Python.
    """
    lines = text.split("\n")
    inside: set[int] = set()  # rows that begin within a string literal, where a blank is content
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        (first, column), (last, _) = token.start, token.end
        if kind == "COMMENT":
            lines[first - 1] = lines[first - 1][:column]
        elif kind.endswith("STRING_START"):  # from Python 3.12 an f-string is several tokens
            opened.append(first)
        elif kind.endswith("STRING_END"):
            inside.update(range(opened.pop() + 1, last + 1))
        elif kind == "STRING":
            inside.update(range(first + 1, last + 1))
    for node in reversed(_idle_strings(text)):  # from the end, so that positions stay true
        first, last = node.lineno, node.end_lineno or node.lineno
        before = lines[first - 1].encode()[: node.col_offset].decode()  # offsets are in bytes
        after = lines[last - 1].encode()[node.end_col_offset :].decode()
        lines[first - 1 : last] = [before + after, *[""] * (last - first)]
        inside.difference_update(range(first + 1, last + 1))
    kept = []
    for row, line in enumerate(lines, start=1):
        line = line if row + 1 in inside else line.rstrip()
        if line or row in inside:
            kept.append(line)
    return "\n".join(kept)


def _idle_strings(text: str) -> list[ast.Expr]:
    """Statements that are only a string: docstrings, and others that do nothing."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))
