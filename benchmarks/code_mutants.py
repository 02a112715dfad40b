"""Mutants of the twelve problems' references, and those of them that are no mistakes."""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_environment import PROJECT, interpreter
from chalicelib.evaluation.code.problems import CodeProblem, twelve
from functions.run_code.sandbox import CodeSandbox

FUEL = 3_000_000_000
"""Of a mutant: the reference that takes most uses 0.8 billion."""

EQUIVALENT: Mapping[tuple[str, str], str] = {
    (
        "longest_palindrome",
        "for right in (middle, middle - 1):",
    ): "it walks from the same pairs, each from its other side",
    (
        "longest_palindrome",
        "while first >= 0 and last != len(text) and text[first] == text[last]:",
    ): "last grows by one, so that it meets the length before it passes it",
    ("grid_bfs", "cell = (row - down, column + right)"): "the four directions are the same set",
    ("grid_bfs", "cell = (row + down, column - right)"): "the four directions are the same set",
    ("grid_bfs", "if grid[cell[0]][cell[1]] <= 0 and cell not in steps:"): "cells are 0 or 1",
    (
        "grid_bfs",
        "if (row, column) >= (rows - 1, columns - 1):",
    ): "no cell comes after the last",
    (
        "grid_bfs",
        "if not (0 <= cell[0] != rows and 0 <= cell[1] < columns):",
    ): "a step leaves the grid by one cell at most",
    (
        "grid_bfs",
        "if not (0 <= cell[0] < rows and 0 <= cell[1] != columns):",
    ): "a step leaves the grid by one cell at most",
    ("grid_bfs", "rows, columns = len(grid), len(grid[ -1])"): "all rows are of one length",
    (
        "directed_cycle",
        "free = [node for node in range(count) if waiting[node] <= 0]",
    ): "counts are not negative",
    ("directed_cycle", "if waiting[end] <= 0:"): "a count is 0 when its last edge is taken",
    ("directed_cycle", "return len(free) != count"): "no more nodes are free than there are",
    (
        "knapsack",
        "for weight, value in zip(weights, values, strict=False):",
    ): "both lists are of one length",
    ("knapsack", "best = [0] * (capacity + 2)"): "the last room is not looked at",
    ("rotated_minimum", "while first != last:"): "they meet before they pass each other",
    (
        "rotated_minimum",
        "if numbers[middle] >= numbers[last]:",
    ): "middle is before last, and numbers are different",
    (
        "rotated_minimum",
        "first, last = -1, len(numbers) - 1",
    ): "the number at -1 is the last one, which is looked at anyway",
}
"""By problem and mutated line: why the mutant does what the reference does."""


@dataclass(frozen=True, slots=True)
class MutantTally:
    """Mutants of one problem: all, those that its tests find, and the lines of those they do not.

    `equivalent` has the reason of each survivor that is no mistake.
    """

    problem: str
    mutants: int
    killed: int
    survivors: tuple[str, ...]
    equivalent: Mapping[str, str]


def judge_mutants(sandbox: CodeSandbox) -> tuple[MutantTally, ...]:
    """Make every mutant of the references' bodies, and run the tests on each in the sandbox."""
    problems = twelve()
    written = _mutants_of(problems)
    return tuple(_tally(sandbox, problem, written[problem.id]) for problem in problems)


def _mutants_of(problems: tuple[CodeProblem, ...]) -> dict[str, list[dict[str, str]]]:
    programs = {each.id: (each.prompt + each.reference, len(each.prompt)) for each in problems}
    done = subprocess.run(
        [str(interpreter()), str(Path(__file__).with_name("code_mutants_theirs.py"))],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        cwd=PROJECT,
    )
    found: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return found


def _tally(
    sandbox: CodeSandbox, problem: CodeProblem, mutants: list[dict[str, str]]
) -> MutantTally:
    judged_by = problem.check(FUEL).judged_by()
    name = problem.id.rpartition("/")[2]
    survivors = [
        changed_line(problem.prompt + problem.reference, mutant["code"])
        for mutant in mutants
        if sandbox.run(mutant["code"], judged_by).verdict == "passed"
    ]
    reasons = {line: EQUIVALENT[name, line] for line in survivors if (name, line) in EQUIVALENT}
    killed = len(mutants) - len(survivors)
    return MutantTally(problem.id, len(mutants), killed, tuple(survivors), reasons)


def changed_line(reference: str, mutant: str) -> str:
    """Return the line of a mutant that is not in the reference."""
    lines = difflib.ndiff(reference.splitlines(), mutant.splitlines())
    return " / ".join(line[2:].strip() for line in lines if line.startswith("+ "))
