"""Problems: what a model is to write, and what judges it.

    problems = twelve()                      # the twelve that come along
    problems = parse_problems(text)          # a file in HumanEval's format
    line = batch_line(problems[0], 3, SampleSettings())

HumanEval's format has a JSON object a line, with `task_id`, `prompt`, `entry_point`,
`canonical_solution` and `test`. https://github.com/openai/human-eval
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from pydantic import ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.contracts.code_checks import CodeCheck
from chalicelib.contracts.functions.run_code import DEFAULT_FUEL, Identifier
from chalicelib.errors import InvalidInput

MAX_PROBLEMS = 10_000
PromptStyle = Literal["chat", "completion"]
SYSTEM = "You are an expert Python programmer."
INSTRUCTION = "Complete this Python function. Answer with the whole function in one code block."
COMPLETION_STOPS = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(")
"""Where a completion has gone on to something else; four are the most that a call takes."""
_TWELVE = (
    "two_sum",
    "longest_palindrome",
    "subarray_sum",
    "grid_bfs",
    "clone_graph",
    "directed_cycle",
    "knapsack",
    "longest_common_subsequence",
    "fibonacci",
    "meeting_rooms",
    "rotated_minimum",
    "reverse_words",
)
_ANNOTATIONS = "from __future__ import annotations\n\n"


class ProblemLine(Contract):
    """One line of a file of problems, in HumanEval's format."""

    task_id: str
    prompt: str
    entry_point: Identifier
    canonical_solution: str = ""
    test: str


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """A problem. `prompt` ends where the code of the model begins; `reference` goes on from it.

    `prelude` is the part of the prompt before the function, and `classes` are those of it whose
    instances the tests hand over.
    """

    id: str
    prompt: str
    entry_point: str
    tests: str
    reference: str = ""
    prelude: str = ""
    classes: tuple[str, ...] = ()

    def check(self, fuel: int = DEFAULT_FUEL) -> CodeCheck:
        """Return how an answer to this problem is judged."""
        return CodeCheck(
            entry_point=self.entry_point,
            tests=self.tests,
            prelude=self.prelude,
            goes_on=self.prompt,
            classes=self.classes,
            fuel=fuel,
        )


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """How samples are drawn, and how many instructions their code may use."""

    style: PromptStyle = "chat"
    max_tokens: int = 512
    temperature: float | None = None
    seed: int = 0
    fuel: int = DEFAULT_FUEL


def sample_id(problem: str, sample: int) -> str:
    """Return the id of a sample, which `problem_of` reads."""
    return f"{problem}#{sample}"


def problem_of(line_id: str) -> str:
    """Return the problem of a sample's id."""
    return line_id.rpartition("#")[0]


def batch_line(problem: CodeProblem, sample: int, settings: SampleSettings) -> Mapping[str, Any]:
    """Return the line of a batch that draws one sample and judges it."""
    line: dict[str, Any] = {
        "id": sample_id(problem.id, sample),
        "max_tokens": settings.max_tokens,
        "seed": settings.seed + sample,
        "allow_truncation": True,
        "code": problem.check(settings.fuel).model_dump(mode="json"),
    }
    if settings.style == "completion":
        line |= {"prompt": problem.prompt, "stop": list(COMPLETION_STOPS)}
    else:
        line |= {
            "system": SYSTEM,
            "prompt": f"{INSTRUCTION}\n\n```python\n{problem.prompt.rstrip()}\n```",
        }
    if settings.temperature is not None:
        line["temperature"] = settings.temperature
    return line


def twelve() -> tuple[CodeProblem, ...]:
    """Return the twelve problems that come along."""
    folder = resources.files(__package__) / "twelve"
    texts = ((folder / f"{name}.py").read_text(encoding="utf-8") for name in _TWELVE)
    return tuple(
        _from_module(f"twelve/{name}", text) for name, text in zip(_TWELVE, texts, strict=True)
    )


def parse_problems(text: str, source: str = "problems") -> tuple[CodeProblem, ...]:
    """Return the problems of a file in HumanEval's format.

    Raises:
        InvalidInput: a line is none, an id is there twice, or there are no or too many problems;
            the message says in which line.
    """
    problems = tuple(_parsed(text, source))
    if not 1 <= len(problems) <= MAX_PROBLEMS:
        raise InvalidInput(
            f"{source} has {len(problems)} problems, and 1 to {MAX_PROBLEMS} can be judged.",
            field=source,
            limit=str(MAX_PROBLEMS),
        )
    return problems


def _parsed(text: str, source: str) -> Iterator[CodeProblem]:
    seen: set[str] = set()
    for number, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            line = ProblemLine.model_validate_json(written)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise InvalidInput(
                f"{source}, line {number}: {where}: {first['msg']}.", field=where
            ) from error
        if line.task_id in seen:
            raise InvalidInput(
                f"{source}, line {number}: {line.task_id} is there twice.", field="task_id"
            )
        if "def check" not in line.test:
            raise InvalidInput(
                f"{source}, line {number}: test has to define check(candidate).", field="test"
            )
        seen.add(line.task_id)
        yield _from_line(line)


def _from_line(line: ProblemLine) -> CodeProblem:
    heads = list(re.finditer(rf"^(?:async )?def {line.entry_point}\b", line.prompt, re.MULTILINE))
    return CodeProblem(
        id=line.task_id,
        prompt=line.prompt,
        entry_point=line.entry_point,
        tests=line.test,
        reference=line.canonical_solution,
        prelude=line.prompt[: heads[-1].start()] if heads else "",
    )


def _from_module(id_: str, text: str) -> CodeProblem:
    """Return the problem that a module of `twelve` is."""
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    reference, check = functions[0], next(node for node in functions if node.name == "check")
    body_at = reference.body[1].lineno - 1
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.lineno < reference.lineno
    ]
    prelude = "\n\n".join(_text_of(node, lines) for node in classes)
    head = "".join(lines[reference.lineno - 1 : body_at])
    return CodeProblem(
        id=id_,
        prompt=f"{_ANNOTATIONS}{prelude}\n\n{head}" if prelude else head,
        entry_point=reference.name,
        tests=_ANNOTATIONS + "".join(lines[check.lineno - 1 :]),
        reference="".join(lines[body_at : reference.end_lineno]),
        prelude=f"{_ANNOTATIONS}{prelude}" if prelude else "",
        classes=tuple(node.name for node in classes),
    )


def _text_of(node: ast.stmt, lines: Sequence[str]) -> str:
    return "".join(lines[node.lineno - 1 : node.end_lineno])
