"""Declarations of statements: what is fixed before the first run, and the ledger that proves it.

A declaration is hashed with the first published run. A later change has to say what and why, shows
as "amended after seeing results", and is judged on seeds that no earlier version has seen.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import hashlib
import inspect
import json
import numbers
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from calibration_lab.statements.kinds import AllOf, Detects, Equivalent, Exact, Law, Part, Test
from calibration_lab.uncertainty.confidence_limits import Bounds

TRUTHS = ("theorem check", "by construction", "empirical")
UNITS = ("seed", "item", "split")
ANNOTATIONS = ("annotation", "returns")  # fields of a syntax tree that decide nothing
Ledger = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One testable sentence, declared before it is run.

    key : str            ``experiment/statement-name``, lower-case and hyphenated.
    text : str           The sentence as a reader sees it.
    truth : str          "theorem check", "by construction" or "empirical".
    test : Test          AtLeast, Equivalent, Law, Exact or AllOf.
    units : int          How many independent units it needs; with fewer it is inconclusive.
    unit : str           Column that identifies what varies: "seed", "item" or "split".
    controls : tuple     Statements (usually `Control`) that must be supported.
    exhibit : str        Exhibit of the experiment whose tables it is judged on, "" for its own.
    undefined : float    What an undefined measurement counts as; by default it makes the
                         statement inconclusive. Values are never dropped.
    bounds : (low, high) Values that the tested number cannot leave, such as (-1, 1) for a
                         difference of probabilities. Without it, a constant column is undefined.
    amended : str        What was changed after seeing results, and why.
    cluster : str        Column whose groups of units are drawn together, for unit "item".
    test_fraction : float   Share of the data in each test set, required for unit "split".

    Raises ValueError if a field is not as said, or an equivalence has no positive control.
    """

    key: str
    text: str
    truth: str
    test: Test
    units: int
    unit: str = "seed"
    controls: tuple[Statement, ...] = ()
    exhibit: str = ""
    undefined: float | None = None
    bounds: Bounds = None
    amended: str = ""
    cluster: str = ""
    test_fraction: float | None = None

    def __post_init__(self) -> None:
        self._check_key()
        for name, value, valid in [("truth", self.truth, TRUTHS), ("unit", self.unit, UNITS)]:
            if value not in valid:
                raise ValueError(f"{name} of {self.key} must be one of {valid}; got {value!r}")
        if not isinstance(self.test, Test):
            raise ValueError(f"test of {self.key} must be a kind of test; got {self.test!r}")
        if not self.text.strip():
            raise ValueError(f"text of {self.key} must be a sentence; got {self.text!r}")
        fewest = 1 if all(isinstance(part, Exact) for part in parts_of(self.test)) else 2
        if not self.units >= fewest:
            raise ValueError(f"units of {self.key} must be at least {fewest}; got {self.units}")
        if (self.unit == "split") != (self.test_fraction is not None):
            raise ValueError(f"{self.key}: unit 'split', and only it, needs a test_fraction")
        if self.unit == "split" and (
            self.cluster or any(isinstance(part, Law) for part in parts_of(self.test))
        ):
            raise ValueError(f"{self.key}: splits share their data; no clusters and no law")
        object.__setattr__(self, "controls", tuple(self.controls))
        if not all(isinstance(control, Statement) for control in self.controls):
            raise ValueError(f"controls of {self.key} must be statements; got {self.controls!r}")

    def _check_key(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", self.key):
            raise ValueError(f"key must look like experiment/statement-name; got {self.key!r}")
        for part in parts_of(self.test):
            if isinstance(part, Equivalent) and part.detects is None:
                raise ValueError(
                    f"{self.key}: an equivalence needs a positive control; declare detects=, "
                    "a known difference in the same measure"
                )

    def positive_controls(self) -> tuple[Control, ...]:
        """Return one control per equivalence: the measure detects a known difference."""
        tests = [
            Detects(part.detects, part.margin, part.bounds)
            for part in parts_of(self.test)
            if isinstance(part, Equivalent) and part.detects is not None
        ]
        return tuple(
            Control(
                key=f"{self.key}/detects" + (f"-{i}" if len(tests) > 1 else ""),
                text=f"The measure detects a known difference: {test.value}.",
                truth=self.truth,
                test=test,
                units=self.units,
                unit=self.unit,
                undefined=self.undefined,
                bounds=self.bounds,
                cluster=self.cluster,
                test_fraction=self.test_fraction,
            )
            for i, test in enumerate(tests, start=1)
        )


@dataclass(frozen=True)
class Control(Statement):
    """A statement that guards another one; its key is free, its equivalences need no detects."""

    def _check_key(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)*", self.key):
            raise ValueError(f"key of a control must be lower-case, hyphenated; got {self.key!r}")


def parts_of(test: Test) -> tuple[Part, ...]:
    """Return the tests that are judged one by one: the parts of an AllOf, or the test itself."""
    return test.parts if isinstance(test, AllOf) else (test,)


def declaration_digest(statement: Statement) -> str:
    """Digest of the whole declaration, as 64 hexadecimal digits.

    It covers every field but the amendment note, the controls, and the syntax of each function
    with the functions and constants of its own module that it uses. Line breaks, comments,
    docstrings and type annotations do not count, nor does the version of Python; numbers count by
    value (1 and 1.0 are the same); runs of blanks in a text count as one.

    Raises ValueError if a function uses something else of its own module, such as a class.
    """
    text = _canonical(statement)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(thing: Any) -> str:
    if isinstance(thing, FunctionType):
        return _canonical_function(thing)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        told = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
        # Defaults stay unsaid, so that a field added later does not change older declarations.
        unsaid = {f.name for f in dataclasses.fields(thing) if told[f.name] == f.default}
        named = [f"{k}={_canonical(told[k])}" for k in sorted(told.keys() - unsaid - {"amended"})]
        return f"{type(thing).__name__}({','.join(named)})"
    if isinstance(thing, (tuple, list)):
        return f"[{','.join(map(_canonical, thing))}]"
    if isinstance(thing, (set, frozenset)):
        return f"{{{','.join(sorted(map(_canonical, thing)))}}}"
    if isinstance(thing, dict):  # in its order, which a function may go by
        return f"{{{','.join(f'{_canonical(k)}:{_canonical(v)}' for k, v in thing.items())}}}"
    if thing is None or isinstance(thing, bool):
        return repr(thing)
    if isinstance(thing, numbers.Real):
        return repr(float(thing))
    if isinstance(thing, str):
        return json.dumps(" ".join(thing.split()))
    raise ValueError(
        f"a declaration holds text, numbers, functions and collections of them; got {thing!r}"
    )


def _canonical_function(function: FunctionType) -> str:
    """Syntax of a function and of what it uses from its own module, in the order of the names."""
    module = sys.modules[function.__module__]
    found: dict[str, str] = {}
    waiting: list[Any] = [function]
    while waiting:
        thing = waiting.pop()
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        found[thing.__name__] = _syntax(tree)
        for name in _names(tree) & {*vars(module)} - {*found}:
            used = vars(module)[name]
            if isinstance(used, FunctionType) and used.__module__ == function.__module__:
                waiting.append(used)
            elif isinstance(used, (bool, int, float, str, tuple)):
                found[name] = _canonical(used)
            elif name not in _imported(module):
                try:
                    found[name] = _canonical(used)
                except ValueError as error:
                    raise ValueError(
                        f"{thing.__name__} uses {name} of its module: {error}"
                    ) from None
    return f"{function.__name__}:{sorted(found.items())}"


def _names(tree: Any) -> set[str]:
    """Names in a syntax tree, without those of its annotations."""
    if isinstance(tree, list):
        return {name for node in tree for name in _names(node)}
    if not isinstance(tree, ast.AST):
        return set()
    parts = [child for field, child in ast.iter_fields(tree) if field not in ANNOTATIONS]
    return _names(parts) | ({tree.id} if isinstance(tree, ast.Name) else set())


def _imported(module: ModuleType) -> set[str]:
    """Names that a module imports: what is behind them is other code than its own."""
    imports = (ast.Import, ast.ImportFrom)
    nodes = [n for n in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(n, imports)]
    return {(a.asname or a.name).partition(".")[0] for node in nodes for a in node.names}


def _syntax(node: Any) -> str:
    """Syntax tree in text: only what is there, so that fields new in a later Python are absent."""
    if isinstance(node, list):
        return f"[{','.join(map(_syntax, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, child in ast.iter_fields(node):
        if name in ("ctx", "kind", "type_comment", *ANNOTATIONS):
            continue
        if name == "body" and isinstance(child, list):
            child = [line for line in child if not _is_docstring(line)]
        if child is not None and child != []:
            fields.append(f"{name}={_syntax(child)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def read_ledger(path: Path) -> Ledger:
    """Read a ledger: for each key the digest, seeds and date of its first published run.

    An amended statement also has a list "amendments" of the same three and the note. A file that
    does not exist is an empty ledger.
    """
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def ledger_text(ledger: Mapping[str, Any]) -> str:
    """Return the text of a ledger's file; the same ledger gives the same text."""
    return json.dumps(ledger, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def with_declaration(
    ledger: Mapping[str, Any], statement: Statement, seeds: Iterable[int], date: dt.date
) -> Ledger:
    """Return the ledger with a declaration and its published run; the one given is not changed.

    An entry is never overwritten. For a declaration that is already entered, as first declared or
    as amended, only its seeds grow; an amended one is added beside the first.

    Raises ValueError if `check_declaration` does.
    """
    used, digest = sorted(set(seeds)), declaration_digest(statement)
    check_declaration(statement, ledger, used)
    entry: dict[str, Any] = {"digest": digest, "seeds": _spans(used), "date": date.isoformat()}
    if statement.key in ledger:
        first, *later = [dict(version) for version in _versions(ledger[statement.key])]
        for version in (first, *later):
            if version["digest"] == digest:
                version["seeds"] = _spans(sorted({*_seeds(version["seeds"]), *used}))
                break
        else:
            later.append(entry | {"amended": statement.amended})
        entry = first | {"amendments": later} if later else first
    return {**ledger, statement.key: entry}


def check_declaration(
    statement: Statement, ledger: Mapping[str, Any] | Path, seeds: Iterable[int]
) -> str:
    """Say whether a statement is what was declared before its first published run.

    Returns "as declared", "amended after seeing results: " and the note, or "not yet published"
    for a statement that the ledger does not know.

    Raises
    ------
    ValueError
        If the declaration changed without a note, or a note stands beside an unchanged
        declaration, or an amended one is judged on a seed that an earlier version has seen.
    """
    entries = read_ledger(ledger) if isinstance(ledger, Path) else ledger
    key, note = statement.key, statement.amended.strip()
    if key not in entries:
        return "not yet published"
    digest, versions = declaration_digest(statement), _versions(entries[key])
    if digest == versions[0]["digest"]:
        if note:
            raise ValueError(f"{key} carries an amendment, but is exactly as first declared")
        return "as declared"
    if not note:
        raise ValueError(
            f"{key} differs from its declaration of {versions[0]['date']}; restore it, or say what "
            "was amended and why, and judge it on fresh seeds"
        )
    digests = [version["digest"] for version in versions]
    earlier = versions[: digests.index(digest)] if digest in digests else versions
    seen = {seed for version in earlier for seed in _seeds(version["seeds"])}
    overlap = sorted(seen & set(seeds))
    if overlap:
        raise ValueError(
            f"{key} was amended after its results on seeds {_spans(overlap)}; "
            "judge it on a fresh block"
        )
    return f"amended after seeing results: {note}"


def _versions(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry, *entry.get("amendments", [])]


def _spans(seeds: list[int]) -> str:
    """Sorted seeds in print: "1000-1031, 1040"."""
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)


def _seeds(spans: str) -> Iterator[int]:
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", spans):
        yield from range(int(first), int(last or first) + 1)
