"""The command line: what experiments there are, run them, and say what came out.

Examples::

    python -m calibration_lab list
    python -m calibration_lab run binary-reward --seeds 4 --set steps=200
    python -m calibration_lab report binary-reward
    python -m calibration_lab verify all
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # the experiments import PyTorch, which would make --help slow
    from calibration_lab.results import Result
    from calibration_lab.statements import Judgement

PROGRAM = "calibration-lab"


class UsageError(ValueError):
    """Something typed on the command line is not valid; the message says what would be."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with status 2."""
        self.exit(2, f"{PROGRAM}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 for a failure, 2 for bad usage."""
    try:
        options = parser().parse_args(arguments)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # sums then come out the same everywhere
        with warnings.catch_warnings(), _ended_like_interrupted():
            _tell_warnings_in_one_line()
            status: int = options.command(options)
            sys.stdout.flush()
            return status
    except UsageError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # --help, and what the parser refuses
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        print(f"{PROGRAM}: stopped; stored results are unharmed", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe had seen enough, as in `list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> Parser:
    """Build the parser; it imports no experiment."""
    top = Parser(prog=PROGRAM, description=__doc__.partition("\n")[0])
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    store = Parser(add_help=False)
    store.add_argument("--out", type=_folder, metavar="DIR", help="folder of results")
    store.add_argument("--json", action="store_true", help="print JSON")
    which = Parser(add_help=False)
    which.add_argument("--seeds", type=_at_least(1), metavar="N", help="run N seeds")
    which.add_argument("--first-seed", type=_at_least(0), metavar="K", help="from seed K on")
    which.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the experiment's Config; such a run is stored under its own key",
    )
    work = Parser(add_help=False)
    work.add_argument("--fresh", action="store_true", help="run even what is current")
    work.add_argument("--jobs", type=_at_least(1), metavar="N", help="processes; default: cores")
    work.add_argument("--confirmations", action="store_true", help="all: confirmations too")

    for name, function, parents, names, summary in (
        ("list", list_command, [store], None, "list experiments and the state of their results"),
        ("run", run_command, [which, store, work], "+", "run what is not current"),
        ("report", report_command, [which, store], "*", "print every statement with its verdict"),
        ("record", record_command, [work], "+", "make current results the record that is shipped"),
        ("verify", verify_command, [store, work], "+", "run again, also on new seeds, and compare"),
    ):
        command = commands.add_parser(name, parents=parents, help=summary, description=summary)
        command.set_defaults(command=function)
        if names:
            command.add_argument("names", nargs=names, metavar="NAME", help="an experiment, or all")
    return top


def list_command(options: argparse.Namespace) -> int:
    """Print the experiments: tier, seeds, state of the result, CPU seconds it took."""
    from calibration_lab import experiments

    rows = []
    for name, experiment in experiments.EXPERIMENTS.items():
        state, shown = experiments.state(name, options.out)
        first, last = min(experiment.seeds), max(experiment.seeds)
        rows.append(
            {
                "experiment": name,
                "tier": experiment.tier,
                "seeds": f"{first}-{last} ({len(experiment.seeds)})",
                "state": state,
                "cpu_seconds": shown.provenance.cpu_seconds if shown else None,
                "origin": shown.origin if shown else None,
            }
        )
    if options.json:
        _print_json(rows)
        return 0
    table = [["experiment", "tier", "seeds", "state", "CPU seconds"]]
    for row in rows:
        cpu = "" if row["cpu_seconds"] is None else f"{row['cpu_seconds']:.1f}"
        table.append([*(str(row[column]) for column in table[0][:-1]), cpu])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line[:-1], widths[:-1], strict=True)]
        print("  ".join([*cells, line[-1].rjust(widths[-1])]))
    return 0


def run_command(options: argparse.Namespace) -> int:
    """Run what is not current, and print where each result came from."""
    from calibration_lab import results

    configs, seeds = _choices(options)
    folder = options.out or results.results_folder()
    done = _run(options, configs, seeds)
    if done is None:
        return 1
    rows = []
    for name, result in done.items():
        about = result.provenance
        path = folder / f"{about.key}.zip"
        rows.append({"name": name, "path": str(path), **dataclasses.asdict(about)})
        if not options.json:
            print(f"{name}: {result.origin}, {about.cpu_seconds:.1f} CPU seconds, {path}")
    if options.json:
        _print_json(rows)
    return 0


def report_command(options: argparse.Namespace) -> int:
    """Print every statement with its effect, interval, controls and verdict."""
    from calibration_lab import experiments
    from calibration_lab.statements import holm_verdicts

    named = bool(options.names)
    options.names = options.names or ["all"]
    configs, seeds = _choices(options)
    judged: list[tuple[Result, Judgement]] = []
    status = 0
    for name in options.names:
        try:
            result = experiments.load(
                name, config=configs.get(name), seeds=seeds[name], folder=options.out
            )
            judged += [(result, one) for one in experiments.judgements(name, result)]
        except (LookupError, ValueError) as error:
            unasked = isinstance(error, experiments.NoResultError) and not named
            status = status if unasked else 1
            print(f"{PROGRAM}: {error}", file=sys.stderr)
    adjusted = holm_verdicts([one for _, one in judged])
    if options.json:
        rows = []
        for result, one in judged:
            p_value, verdict = adjusted[one.key]
            holm = {"p_value": None if math.isnan(p_value) else p_value, "verdict": verdict}
            came = {"origin": result.origin, "current": result.current}
            rows.append({**one.to_dict(), "holm": holm, "experiment": result.name, **came})
        _print_json(rows)
        return status
    told_of: set[str] = set()
    for result, one in judged:
        if result.name not in told_of:
            told_of.add(result.name)
            print(f"{result.name}: {result.origin}\n")
        print(_paragraph(one, *adjusted[one.key]) + "\n")
    counts = Counter(one.verdict for _, one in judged)
    summary = ", ".join(f"{counts[v]} {v}" for v in ("supported", "refuted", "inconclusive"))
    print(f"{len(judged)} statements: {summary} (Holm's p-values are adjusted over these)")
    return status


def _paragraph(one: Judgement, holm_p: float, holm_verdict: str) -> str:
    lines = [f"{one.key}: {one.verdict.upper()}", one.text, *_outcome(one)]
    if not math.isnan(holm_p):  # an exact test has none
        lines.append(f"Holm: {holm_verdict}, p = {holm_p:.2g}")
    if one.amended:
        lines.append(f"amended after seeing results: {one.amended}")
    for word, others in (("part", one.parts), ("control", one.controls)):
        for other in others:
            lines.append(f"{word} {other.key}: {other.verdict}")
            lines += [f"  {line}" for line in _outcome(other)]
    return "\n  ".join(lines)


def _outcome(one: Judgement) -> list[str]:
    """Effect, interval and threshold of a judgement, and the reason of its verdict, in lines."""
    effect = f"{one.effect:.4g}"
    if one.interval is not None:
        effect += f" [{one.interval.low:.4g}, {one.interval.high:.4g}]"
    found = f"{one.measured} = {effect}, {one.kind}; {one.truth}, {one.units} {one.unit}s"
    if one.interval is not None:
        found += f"; p = {one.p_value:.2g}, smallest detectable {one.smallest_detectable:.3g}"
    return [found, *([f"because {one.reason}"] if one.reason else [])]


def record_command(options: argparse.Namespace) -> int:
    """Make current results the shipped record, running what is not current."""
    from calibration_lab import experiments

    options.names = _names(options)
    done = _run(options, {}, {})
    for name, result in (done or {}).items():
        try:
            print(f"{name}: recorded in {experiments.record(result)}")
        except (OSError, RuntimeError, ValueError) as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return 1
    return 0 if done else 1


def verify_command(options: argparse.Namespace) -> int:
    """Run experiments again, on published and on unseen seeds; status 1 if a verdict fails."""
    from calibration_lab import experiments
    from calibration_lab.experiments.running import ExperimentFailedError
    from calibration_lab.experiments.verifying import verify

    try:
        compared = verify(
            _names(options), folder=options.out, jobs=options.jobs, fresh=options.fresh,
            progress=True,
        )  # fmt: skip
    except (ExperimentFailedError, experiments.NoResultError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    if options.json:
        _print_json(
            [
                {
                    "seeds": one.seeds,
                    "outcome": one.outcome,
                    "recorded": one.recorded.to_dict(),
                    "found": one.found.to_dict(),
                }
                for one in compared
            ]
        )
        return int(any(one.fails for one in compared))
    for seeds in ("published", "verification"):
        ours = [one for one in compared if one.seeds == seeds]
        for one in ours:
            if one.outcome != "same":
                print(f"{one.recorded.key}, {seeds} seeds: {one.outcome.upper()}")
                for word, judged in (("recorded", one.recorded), ("found", one.found)):
                    print(f"  {word} {judged.verdict}: {_outcome(judged)[0]}")
        counts = Counter(one.outcome for one in ours)
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        print(f"{seeds} seeds: {len(ours)} statements: {told}")
    return int(any(one.fails for one in compared))


def _run(
    options: argparse.Namespace, configs: dict[str, Any], seeds: dict[str, Sequence[int]]
) -> dict[str, Result] | None:
    from calibration_lab.experiments.running import ExperimentFailedError, run_all

    try:
        return run_all(
            options.names,
            configs=configs,
            seeds=seeds,
            folder=getattr(options, "out", None),
            jobs=options.jobs,
            fresh=options.fresh,
            progress=True,
        )
    except ExperimentFailedError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return None


def _names(options: argparse.Namespace) -> list[str]:
    """Names that were typed, `all` expanded, each once."""
    from calibration_lab import experiments

    names: list[str] = []
    for name in options.names:
        if name == "all":
            both = getattr(options, "confirmations", True)
            listed = experiments.EXPERIMENTS.values()
            names += [e.name for e in listed if both or e.tier == "headline"]
            continue
        try:
            names.append(experiments.get(name).name)
        except ValueError as error:
            raise UsageError(str(error)) from error
    return list(dict.fromkeys(names))


def _choices(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Sequence[int]]]:
    """Configs that --set changes, and the seeds of every experiment that was named."""
    from calibration_lab import experiments
    from calibration_lab.experiments.settings import changed_config

    options.names = _names(options)
    configs: dict[str, Any] = {}
    seeds: dict[str, Sequence[int]] = {}
    for name in options.names:
        published = experiments.get(name).seeds
        first = min(published) if options.first_seed is None else options.first_seed
        count = len(published) if options.seeds is None else options.seeds
        seeds[name] = range(first, first + count)
        if options.set:
            try:
                configs[name] = changed_config(experiments.module(name).Config, options.set)
            except ValueError as error:
                raise UsageError(f"{name}: --set {error}") from error
    return configs, seeds


def _folder(text: str) -> Path:
    path = Path(text)
    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise argparse.ArgumentTypeError(f"must be a folder, but {place} is a file")
    return path


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.lstrip("-").isdecimal() else least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be an integer >= {least}, got {text!r}")
        return value

    return number


def _print_json(rows: Any) -> None:
    print(json.dumps(rows, indent=1, allow_nan=False))


@contextlib.contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """Take a request to end like Ctrl-C, so that worker processes are not left computing."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell_warnings_in_one_line() -> None:
    from calibration_lab.results import UnreadableResultWarning

    shown = warnings.showwarning

    def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
        if issubclass(category, UnreadableResultWarning):
            print(f"{PROGRAM}: warning: {message}", file=sys.stderr)
        else:
            shown(message, category, *rest, **more)

    warnings.showwarning = show
    warnings.simplefilter("always", UnreadableResultWarning)


if __name__ == "__main__":
    sys.exit(main())
