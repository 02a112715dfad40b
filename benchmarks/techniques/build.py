"""Writes the suites of the techniques: `python -m benchmarks.techniques.build`.

They are the same for the same seed. WordNet's package is fetched once, pinned by its hash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmarks.techniques.prompts import PLAIN, techniques
from benchmarks.techniques.tasks import COUNT, SEED, TASKS, Task

SUITES = Path(__file__).parents[2] / "suites" / "prompt-techniques"
_HEAD = """\
# {description}. Written by `python -m benchmarks.techniques.build`, seed {seed}.
# Every target asks the same cases; each is compared with the plain prompt, case by case.
"""


def suite(task: Task) -> dict[str, Any]:
    """Return the suite of a task as a file holds it."""
    body: dict[str, Any] = {
        "name": f"prompt-techniques-{task.name}",
        "description": task.description,
        "seed": SEED,
        "compare_to": PLAIN,
        "targets": [
            {"name": name, "kind": "inline", "content": content}
            for name, content in techniques(task.prompts).items()
        ],
        "gate": {"min_score": 0.0},
    }
    if task.graders:
        body["graders"] = [dict(grader) for grader in task.graders]
    body["cases"] = [
        {
            "id": case.id,
            "variables": {"text": case.text, **dict(case.variables)},
            **({} if case.expected is None else {"expected": case.expected}),
            **({"graders": [dict(each) for each in case.graders]} if case.graders else {}),
        }
        for case in task.cases(COUNT, SEED)
    ]
    return body


class _Dumper(yaml.SafeDumper):
    """YAML dumper that repeats what stands twice, and writes texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = ("|" if text.strip() else '"') if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def written(task: Task) -> str:
    """Return the file of a task's suite."""
    body = yaml.dump(suite(task), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return _HEAD.format(description=task.description, seed=SEED) + body


def main() -> None:
    """Write the suites of all tasks."""
    SUITES.mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        file = SUITES / f"{task.name}.yaml"
        file.write_text(written(task), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
