"""Problems: the twelve, files of problems, and the lines of a batch that they become."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from chalicelib.batches.items import OwnLine
from chalicelib.contracts.http import parsed
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.code.extraction import extract_code
from chalicelib.evaluation.code.problems import (
    CodeProblem,
    SampleSettings,
    batch_line,
    parse_problems,
    problem_of,
    twelve,
)

WRITTEN = {
    "task_id": "Mine/0",
    "prompt": "import math\n\ndef helper(x):\n    return x\n\ndef f(x):\n    '''Return x.'''\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(helper(1)) == 1\n",
}


@pytest.mark.parametrize("problem", twelve(), ids=lambda each: each.id)
def test_a_reference_should_pass_its_tests(problem: CodeProblem) -> None:
    """By this Python; that the sandbox says so too is what the end-to-end test and the benchmark
    find out.
    """
    module: Any = import_module(f"chalicelib.evaluation.code.{problem.id.replace('/', '.')}")
    reference = getattr(module, problem.entry_point)

    class Candidate:
        shared = False

        def __call__(self, *given: object) -> object:
            return reference(*given)

    module.check(Candidate())
    assert problem.prompt.rstrip().endswith('"""')
    assert '"""' not in problem.reference
    compile(problem.prompt + problem.reference, problem.id, "exec")
    compile(problem.prelude, problem.id, "exec")


def test_a_file_in_humanevals_format_should_be_read() -> None:
    line = json.dumps({**WRITTEN, "prompt": WRITTEN["prompt"] + "# \u2028"}, ensure_ascii=False)
    (other,) = parse_problems(line + "\r\n", "mine.jsonl")
    assert other.prompt.endswith("\u2028")
    (problem,) = parse_problems("\n" + json.dumps(WRITTEN) + "\n", "mine.jsonl")
    assert (problem.id, problem.entry_point) == ("Mine/0", "f")
    assert problem.prelude == "import math\n\ndef helper(x):\n    return x\n\n"
    code = extract_code(problem.reference, "f", problem.prompt)
    assert code == problem.prompt + problem.reference


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entry_point": "no name"}, "mine.jsonl, line 2: entry_point: String should match"),
        ({"test": None}, "mine.jsonl, line 2: test: Input should be a valid string"),
        ({"test": "assert f(1)"}, "mine.jsonl, line 2: test has to define check"),
        ({"task_id": "Mine/0"}, "mine.jsonl, line 2: Mine/0 is there twice"),
    ],
)
def test_a_line_that_is_no_problem_should_be_named(change: dict[str, Any], message: str) -> None:
    second = {**WRITTEN, "task_id": "Mine/1", **change}
    with pytest.raises(InvalidInput, match=message):
        parse_problems(f"{json.dumps(WRITTEN)}\n{json.dumps(second)}\n", "mine.jsonl")


@pytest.mark.parametrize("text", ["", "\n", "nonsense\n", "[]\n"])
def test_a_file_of_no_problems_should_be_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"mine\.jsonl"):
        parse_problems(text, "mine.jsonl")


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_a_sample_should_be_a_line_that_a_batch_takes(style: Any) -> None:
    for problem in twelve():
        settings = SampleSettings(style, temperature=0.8, seed=7)
        line = batch_line(problem, 2, settings)
        read = parsed(json.dumps(line).encode(), OwnLine)
        assert read.code is not None
        assert read.code.judged_by().entry_point == problem.entry_point
        assert (read.seed, read.allow_truncation, read.temperature) == (9, True, 0.8)
        assert problem_of(read.id) == problem.id
        assert problem.prompt.rstrip() in str(read.prompt)
        assert ("```" in str(read.prompt)) == (style == "chat")
