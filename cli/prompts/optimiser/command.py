"""The command `prompts optimise`: look for a better prompt, and prove it on cases held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rich.progress import Progress, TaskID

from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import HeadraceError
from chalicelib.evaluation.suites import read_suite
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import UserContext
from cli.output import Json
from cli.prompts.files import read_yaml
from cli.prompts.optimiser.optimisation import (
    Method,
    OptimisationResult,
    PreparedSearch,
    PromptOptimisation,
    SearchSettings,
)
from cli.prompts.optimiser.reflection import require_library
from cli.prompts.optimiser.reflector import StageReflector
from cli.prompts.optimiser.report import (
    ANSWERS,
    AnswerFolder,
    endpoint_folder,
    plan_json,
    report_of,
    spending_json,
    write_report,
    write_winner,
)
from cli.prompts.optimiser.scoring import ProposalScorer, SearchEnded
from cli.prompts.optimiser.stage_calls import ProposalAnswerer, StageCalls, StageJudge
from cli.prompts.runs import PLACE, prompt_place

METHODS: tuple[Method, ...] = ("halving", "reflective")


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """The prompt to optimise, the models that do it, and the folder of the results.

    `model` takes the place of the prompt's own; `reflects` rewords prompts.
    """

    prompt: str
    version: str
    suite: Path
    folder: Path
    model: str | None = None
    reflects: str = "auto"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """A bar that shows the answers of each phase of a search."""

    display: Progress
    task: TaskID

    def begin(self, phase: str, answers: int) -> None:
        """Show another phase, which takes so many answers at most."""
        self.display.reset(self.task, description=phase, total=answers)

    def advance(self) -> None:
        """Count an answer."""
        self.display.advance(self.task)


def optimise(
    target: UserContext, place: SearchPlace, settings: SearchSettings, *, only_estimate: bool
) -> None:
    """Optimise a prompt, and say whether the winner beats it.

    Raises:
        UsageError: the suite, the settings or the budget cannot be used.
        CommandError: nothing could be asked.
        ItemsFailedError: the search ended early.
    """
    suite, name, out = _suite(place.suite), place.prompt, place.folder
    version = target.api.call("GET", prompt_place(name, "versions", place.version))
    content = PromptContent.model_validate(version["content"])
    calls = StageCalls(target.api, settings.budget)
    answers = AnswerFolder(out / ANSWERS / endpoint_folder(target.api.endpoint))
    with target.output.progress() as display:
        shown = SearchProgress(display, display.add_task("examples", total=None))
        scorer = ProposalScorer(
            suite,
            ProposalAnswerer(calls, place.model),
            StageJudge(calls),
            answers,
            shown.advance,
        )
        optimisation = PromptOptimisation(
            suite, content, settings, scorer, calls, on_phase=shown.begin
        )
        try:
            prepared, optimisation = _prepared(optimisation, calls, place.reflects)
        except HeadraceError as refused:
            raise UsageError(_message(refused)) from refused
        except SearchEnded as ended:
            raise CommandError(f"Nothing could be compared: {ended}") from ended
        target.output.notice(f"{prepared.plan.described()}.", "dim")
        result = None if only_estimate else optimisation.run(prepared)
    if result is None:
        spent = spending_json(calls.spending)
        if target.output.as_json:
            target.output.json({"planned": plan_json(prepared.plan), "spent": spent})
        return
    report = report_of(name, version["version"], optimisation, prepared, result)
    report["saved"] = None
    if result.changed:
        write_winner(out, name, result)
    # What was paid for is there, also if the stage does not save the version.
    write_report(out, report)
    report["saved"] = _saved(target, name, result)
    write_report(out, report)
    _tell(target, report, out, result)
    if result.ended:
        raise ItemsFailedError


def dollars_option(value: str | None) -> Decimal | None:
    """Return the dollars of `--budget`; raise `UsageError`."""
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise UsageError(f"--budget is an amount of dollars, not {value!r}.") from error
    if not (amount.is_finite() and 0 < amount <= 1_000):
        raise UsageError("--budget is more than 0 and at most 1000 dollars.")
    return amount


def _suite(file: Path) -> Suite:
    """Return the suite in a file; a suite without targets of its own will do."""
    body = read_yaml(file)
    if not isinstance(body, dict):
        raise UsageError(f"{file} is no suite: it holds no keys.")
    prompt = {"kind": "prompt", "name": "prompt", "prompt": "prompt"}
    # Only scores guide a search: cases that have none, and the other group's, are not asked.
    fields = {"name": file.stem, **body, "targets": [prompt], "compare_to": None, "gate": {}}
    try:
        suite = read_suite({**fields, "swaps": []})
    except HeadraceError as refused:
        raise UsageError(f"{file}: {_message(refused)}") from refused
    graded = tuple(case for case in suite.cases if not case.ungraded)
    if not graded:
        raise UsageError(f"{file}: no case is graded, so that no wording could be better.")
    return suite.model_copy(update={"cases": graded})


def _prepared(
    optimisation: PromptOptimisation, calls: StageCalls, reflects: str
) -> tuple[PreparedSearch, PromptOptimisation]:
    """Return the search with its plan; what can be refused for nothing is refused first."""
    optimisation.check()
    if optimisation.settings.method == "reflective":
        require_library()
        reflector = StageReflector.open(calls, reflects)
        optimisation = replace(optimisation, reflector=reflector)
    return optimisation.prepare(), optimisation


def _saved(target: UserContext, name: str, result: OptimisationResult) -> int | None:
    """Save a winner that beats the hand-written prompt; return its version.

    Another is left in its file: the newest version is what `latest` means to callers.
    """
    if not result.beats:
        return None
    content = result.search.winner.content.model_dump(mode="json")
    saved = target.api.call("POST", PLACE, json={"name": name, **content}, once=True)
    version: int = saved["version"]
    return version


def _tell(target: UserContext, report: Json, out: Path, result: OptimisationResult) -> None:
    if target.output.as_json:
        target.output.json(report)
        return
    rows = sorted(report["proposals"], key=lambda each: (-each["round"], -each["score"]))
    target.output.table(
        ("proposal", "round", "cases", "score"),
        [(each["name"], each["round"], each["cases"], f"{each['score']:.3f}") for each in rows],
    )
    target.output.line(result.verdict(), "bold")
    if result.ended:
        target.output.notice(f"It ended early: {result.ended}", "red")
    if report["saved"] is not None:
        target.output.line(
            f"Saved as version {report['saved']} of {report['prompt']}; no label points to it."
        )
    elif result.changed:
        target.output.line(f"Not saved; it is in {out / 'winner.yaml'}.")
    spent = report["spent"]
    target.output.notice(
        f"{spent['calls']} calls, {spent['tokens_in']} tokens in, {spent['tokens_out']} out, "
        f"${spent['dollars']} at AWS's list prices. {out / 'report.json'} has it all.",
        "dim",
    )


def _message(refused: HeadraceError) -> str:
    place = f" (field {refused.field})" if refused.field else ""
    return f"{refused.message}{place}"
