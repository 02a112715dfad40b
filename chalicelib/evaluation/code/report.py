"""The report on a model's code: verdicts by problem, and pass@k with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.code.pass_at_k import ProblemTally, pass_at_k, pass_rate
from chalicelib.evaluation.code.problems import problem_of

PASSED, NOT_RUN = "passed", "not_run"
NOT_ANSWERED = "not_answered"
"""The verdict on a line without an answer, such as one for which there was no money."""


class ProblemReport(Contract):
    """One problem: its samples by verdict, the reason of the first that failed, and pass@k.

    Samples that were not answered or not run say nothing of the model, and are left out of pass@k;
    one that has fewer than k others has none.
    """

    problem: str
    samples: int = Field(ge=0)
    passed: int = Field(ge=0)
    verdicts: Mapping[str, int]
    reason: str = ""
    pass_at: Mapping[int, float]


class PassAtK(Contract):
    """pass@k over the problems that have k samples, with the interval of a bootstrap over them."""

    k: int = Field(ge=1)
    problems: int = Field(ge=0)
    value: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class CodeReport(Contract):
    """The report of `headrace evaluate code`, as it is printed and written to `report.json`.

    `problem_set` is empty where an earlier job was asked for.
    """

    job_id: str
    model: str
    problem_set: str
    status: str
    samples: int = Field(ge=0)
    verdicts: Mapping[str, int]
    pass_at: tuple[PassAtK, ...]
    problems: tuple[ProblemReport, ...]
    dollars: str = ""
    notes: tuple[str, ...] = ()


def verdicts_of(
    results: Iterable[Mapping[str, Any]], errors: Iterable[Mapping[str, Any]]
) -> dict[str, list[tuple[str, str]]]:
    """Return verdicts with their reasons by problem, from the lines of a batch's results.

    Raises:
        InvalidInput: a line of the results has no verdict: the batch ran no code.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for line in results:
        code = line.get("code")
        if code is None:
            raise InvalidInput(f"{line.get('id')} has no verdict: no code was run.", field="code")
        found.setdefault(problem_of(line["id"]), []).append((code["verdict"], code["reason"]))
    for line in errors:
        error, code = line["error"], line.get("code")
        if code is not None:
            found.setdefault(problem_of(line["id"]), []).append((NOT_RUN, code["reason"]))
            continue
        reason = f"{error['type']}: {error['message']}"
        found.setdefault(problem_of(line["id"]), []).append((NOT_ANSWERED, reason))
    return found


def summarise(
    found: Mapping[str, Sequence[tuple[str, str]]], ks: Sequence[int], seed: int = 0
) -> tuple[tuple[ProblemReport, ...], tuple[PassAtK, ...]]:
    """Return the problems in their order, and pass@k for each k that some problem has samples for.

    The same verdicts and seed give the same intervals.
    """
    tallies = {problem: _tally(verdicts) for problem, verdicts in found.items()}
    problems = tuple(
        ProblemReport(
            problem=problem,
            samples=len(verdicts),
            passed=tallies[problem].passed,
            verdicts=dict(Counter(verdict for verdict, _ in verdicts)),
            reason=next((reason for verdict, reason in verdicts if verdict != PASSED), ""),
            pass_at={
                k: pass_at_k(tallies[problem].samples, tallies[problem].passed, k)
                for k in ks
                if k <= tallies[problem].samples
            },
        )
        for problem, verdicts in found.items()
    )
    rates = []
    for k in ks:
        enough = [tally for tally in tallies.values() if tally.samples >= k]
        if enough:
            rate = pass_rate(enough, k, seed)
            rates.append(
                PassAtK(k=k, problems=len(enough), value=rate.value, low=rate.low, high=rate.high)
            )
    return problems, tuple(rates)


def _tally(verdicts: Sequence[tuple[str, str]]) -> ProblemTally:
    judged = [verdict for verdict, _ in verdicts if verdict not in (NOT_RUN, NOT_ANSWERED)]
    return ProblemTally(len(judged), judged.count(PASSED))
