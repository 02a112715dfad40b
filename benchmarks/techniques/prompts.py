"""The techniques as prompts of each task: the same question, with one thing changed.

Few-shot: Brown et al. 2020, https://arxiv.org/abs/2005.14165. Chain of thought: Wei et al. 2022,
https://arxiv.org/abs/2201.11903. Plan, then expand: Wang et al. 2023,
https://arxiv.org/abs/2305.04091. Verifier: Weng et al. 2023, https://arxiv.org/abs/2212.09561.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.techniques.cases import TaskCase

Content = dict[str, Any]

PLAIN = "plain"
"""The prompt that every technique is compared with: zero-shot, in one turn."""


@dataclass(frozen=True, slots=True)
class TaskPrompts:
    """The wordings of one task; `examples` are worked cases that no suite holds.

    `thoughts` are the steps to the answers of the examples. `schema` is that of answers in JSON.
    An answer of `one_line` ends with its line, unless the model is to think first.
    """

    ask: str
    role: str
    forbid: str
    steps: str
    plan: str
    expand: str
    max_tokens: int
    examples: Sequence[TaskCase]
    one_line: bool = False
    thoughts: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] = field(
        default_factory=lambda: {"text": {"type": "string", "max_length": 1000}}
    )


def techniques(task: TaskPrompts) -> dict[str, Content]:
    """Return the prompt of each technique that the task has a wording of, the plain one first."""
    found = {
        PLAIN: _prompt(task),
        "few-shot": _prompt(task, shots=True),
        "role": _prompt(task, role=task.role),
        "negative": _prompt(task, ask=f"{task.ask}\n{task.forbid}"),
        "verifier": _verified(task),
    }
    if task.steps:
        found["step by step"] = _prompt(task, ask=task.steps, max_tokens=160)
    if task.thoughts:
        found["few-shot chain of thought"] = _reasoned(task)
    if task.plan:
        found["plan then expand"] = _planned(task)
    if task.schema is not None:
        words = f"{task.ask}\nThe JSON keeps to this JSON Schema: {json.dumps(task.schema)}"
        found["JSON Schema in words"] = _prompt(task, ask=words)
        found["JSON Schema enforced"] = {**_prompt(task), "output_schema": dict(task.schema)}
        found["JSON Schema enforced with few-shot"] = {
            **_prompt(task, shots=True),
            "output_schema": dict(task.schema),
        }
    return found


def _prompt(
    task: TaskPrompts,
    *,
    ask: str = "",
    role: str = "",
    shots: bool = False,
    max_tokens: int = 0,
) -> Content:
    turn: Content = {"template": ask or task.ask}
    if shots:
        turn["examples"] = [_example(task, n) for n in range(len(task.examples))]
    content: Content = {"variables": dict(task.variables)}
    if role:
        content["role"] = role
    limits: Content = {"max_tokens": max_tokens or task.max_tokens, "temperature": 0}
    if task.one_line and not max_tokens:
        limits["stop"] = ["\n"]
    return {**content, "turns": [turn], "parameters": limits}


def _example(task: TaskPrompts, n: int) -> Content:
    case = task.examples[n]
    values = {"text": case.text, **dict(case.variables)}
    return {"variables": values, "output": case.expected or ""}


def _reasoned(task: TaskPrompts) -> Content:
    content = _prompt(task, shots=True, max_tokens=160)
    (turn,) = content["turns"]
    turn["reasoning"] = True
    for example, thought in zip(turn["examples"], task.thoughts, strict=True):
        example["reasoning"] = thought
    return content


def _planned(task: TaskPrompts) -> Content:
    content = _prompt(task, max_tokens=max(160, task.max_tokens))
    content["turns"] = [
        {"name": "plan", "template": task.plan, "max_tokens": 80},
        {"name": "answer", "template": task.expand},
    ]
    return content


def _verified(task: TaskPrompts) -> Content:
    content = _prompt(task)
    check = (
        f"{task.ask}\nSomebody answered:\n{{{{ first }}}}\n"
        "Is that right? If it is, repeat it. If it is not, correct it. Write the answer only."
    )
    (turn,) = content["turns"]
    content["turns"] = [{"name": "first", **turn}, {"name": "answer", "template": check}]
    return content
