"""The page of the techniques, made from the newest results: `python -m benchmarks.techniques.page`.

A technique is better or worse where the interval of its paired difference leaves out 0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.reporting import RESULTS
from benchmarks.techniques.prompts import PLAIN
from benchmarks.techniques.tasks import SEED

Facts = Mapping[str, Any]
Verdict = Literal["better", "worse", "no difference shown", "no answer was right"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

PAGE = Path(__file__).parents[2] / "docs" / "prompt-techniques.md"
CLAIMS: Mapping[str, tuple[str, ...]] = {
    "Examples of what is wanted help (few-shot)": ("few-shot",),
    "A role helps": ("role",),
    "Thinking step by step helps, in mathematics above all": (
        "step by step",
        "few-shot chain of thought",
    ),
    "A plan first, then the answer": ("plan then expand",),
    "A second question corrects the first answer (verifier)": ("verifier",),
    "Saying what is not wanted helps (negative prompt)": ("negative",),
    "A strict format helps: the JSON Schema in the prompt": ("JSON Schema in words",),
    "A strict format helps: the JSON Schema enforced while the model writes": (
        "JSON Schema enforced",
        "JSON Schema enforced with few-shot",
    ),
}
"""Claims of guides about techniques, and the techniques that test each."""

_TEXT = Path(__file__).with_name("page.txt")


def page(file: str, facts: Facts, optimised: Facts) -> str:
    """Return the page of results as Markdown; `optimised` are reports of the optimiser by task."""
    return _TEXT.read_text(encoding="utf-8").format(
        file=file,
        seed=SEED,
        models="\n".join("\n".join(_model(model, found)) for model, found in facts.items()),
        optimised="\n".join(_optimised(task, report) for task, report in optimised.items()),
    )


def verdict(row: Facts) -> Verdict:
    """Return whether a technique was better or worse than the plain prompt, beyond its interval.

    Where neither has a right answer the technique was not put to a test.
    """
    found = row["beside_plain"]
    low, high = found["interval"]
    if low is not None and low > 0:
        return "better"
    if high is not None and high < 0:
        return "worse"
    nothing = row["score"]["mean"] == 0 and found["same"] == found["n"]
    return "no answer was right" if nothing else "no difference shown"


def _model(model: str, found: Facts) -> Iterator[str]:
    rows = [
        row
        for measured in found["tasks"].values()
        for row in measured["techniques"].values()
        if "beside_plain" in row
    ]
    counts = Counter(map(verdict, rows))
    told = ", ".join(f"{counts[each]} {each}" for each in VERDICTS if counts[each])
    yield f"## {model}\n"
    yield f"{len(rows)} comparisons with a plain prompt: {told}.\n"
    yield f"| claim | {' | '.join(VERDICTS)} |"
    yield f"| --- |{' --- |' * len(VERDICTS)}"
    for claim, techniques in CLAIMS.items():
        cells: dict[Verdict, list[str]] = {each: [] for each in VERDICTS}
        for task, measured in found["tasks"].items():
            for technique in techniques:
                row = measured["techniques"].get(technique)
                if row is not None:
                    name = task if len(techniques) == 1 else f"{task} ({technique})"
                    cells[verdict(row)].append(name)
        if any(cells.values()):
            yield f"| {claim} | {' | '.join(', '.join(each) or '-' for each in cells.values())} |"
    for task, measured in found["tasks"].items():
        yield from _task(task, measured)
    yield ""


def _optimised(task: str, report: Facts) -> str:
    held_out = report["held_out"]
    cells = [
        task,
        str(report["planned"]["proposals"]),
        report["winner"],
        "not asked" if held_out is None else _change(held_out["difference"]),
        "yes" if report["beats"] else "no",
        str(report["spent"]["calls"]),
        f"${report['spent']['dollars']}",
    ]
    return f"| {' | '.join(cells)} |"


def _change(found: Facts) -> str:
    return f"{found['mean']:+.3f} ({found['low']:.3f} to {found['high']:.3f}), {found['n']} cases"


def _task(task: str, measured: Facts) -> Iterator[str]:
    graders = list(measured["techniques"][PLAIN]["graders"])
    shown = graders if len(graders) > 1 else []
    yield f"\n### {task.capitalize()}, {measured['cases']} cases\n"
    yield f"| prompt | score | beside plain | no answer |{''.join(f' {each} |' for each in shown)}"
    yield f"| --- | --- | --- | --- |{' --- |' * len(shown)}"
    for name, row in measured["techniques"].items():
        cells = [
            name,
            f"{row['score']['mean']:.3f} {_interval(row['score'])}",
            _difference(row) if "beside_plain" in row else "",
            f"{row['failed']} of {measured['cases']}",
            *(f"{row['graders'].get(each, 0):.0%}" for each in shown),
        ]
        yield f"| {' | '.join(cells)} |"


def _difference(row: Facts) -> str:
    found = row["beside_plain"]
    told = f"{found['mean']:+.3f}"
    told = f"**{told}**" if verdict(row) in ("better", "worse") else told
    return f"{told} {_interval(found)}"


def _interval(found: Facts) -> str:
    low, high = found["interval"]
    return "" if low is None else f"({low:.3f} to {high:.3f})"


def newest(benchmark: str) -> tuple[str, Facts]:
    """Return the newest results of a benchmark: the file's name, and its facts."""
    file = sorted(RESULTS.glob(f"*-{benchmark}.json"))[-1]
    facts: Facts = json.loads(file.read_text(encoding="utf-8"))["facts"]
    return file.name, facts


def made() -> str:
    """Return the page of the newest results."""
    name, facts = newest("prompt_techniques")
    return page(name, facts, newest("prompt_optimiser")[1]["tasks"])


def main() -> None:
    """Write the page."""
    PAGE.write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
