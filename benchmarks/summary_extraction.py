"""The extraction benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

SETS = (
    "held-out designs",
    "held-out designs, told the labels",
    "designs of training",
    "scans of held-out designs",
    "real files",
)
PEER = "held-out designs, pdfplumber"
ROWS = (
    "documents",
    "value F1",
    "value F1 outside lists",
    "invented on blanks",
    "invented on blanks outside lists",
    "rows read, whatever is in their columns",
    "rows found",
    "rows found, each list alike",
    "rows wholly right",
    "cells of lists",
    "rows that are of the list",
    "rows twice",
    "lists said to be complete",
    "lists said to be complete that are not",
    "lists said to be complete that are not wholly right",
    "grounded",
)
_OF_LISTS = (
    "rows read, whatever is in their columns",
    "rows found",
    "rows wholly right",
    "cells of lists",
    "rows that are of the list",
    "rows twice",
)
_COMPLETENESS = (
    "lists said to be complete",
    "lists said to be complete that are not",
    "lists said to be complete that are not wholly right",
)
CONFIDENCES = ("AUROC", "ECE", "errors in the worst 10 %")


def extraction(found: Found) -> Iterator[str]:
    """Yield a row per figure, a column per set; then kinds, and costs."""
    facts = found["facts"]
    yield f"| | {' | '.join(SETS)} | pdfplumber, held-out designs |"
    yield f"| --- |{' --- |' * (len(SETS) + 1)}"
    columns = [facts[name] for name in SETS] + [facts[PEER]]
    for name in ROWS:
        yield f"| {name} | {' | '.join(_cell(each.get(name)) for each in columns)} |"
    for name in CONFIDENCES:
        cells = (_cell(each["confidence"].get(name)) for each in columns)
        yield f"| {name} | {' | '.join(cells)} |"
    wrong = (str(each["confidence"].get("wrong", "")) for each in columns)
    yield f"| wrong leaves | {' | '.join(wrong)} |"
    yield ""
    yield from _kinds(facts)
    yield ""
    for name, took in found["measured"].items():
        if name.startswith("cost"):
            yield f"{name}: ${took['median']:.6f}, p90 ${took['p90']:.6f}."


def long_lists(found: Found) -> Iterator[str]:
    """Yield a row per size of lists, and the costs of a long statement."""
    facts = found["facts"]
    yield from _lists(facts)
    yield ""
    yield from _lists_without_tables(facts["lists without tables"])
    yield ""
    statement = facts["statement of 100 pages"]
    yield (
        f"A statement of {statement['pages']} pages takes {statement['reading, CPU s']:.1f} s of a"
        f" core to read and {statement['extracting, CPU s']:.1f} s to extract."
    )


def development(found: Found) -> Iterator[str]:
    """Yield a row per figure of the real files that may be looked at, and a row per file."""
    facts = found["facts"]
    yield "| real files for development | ours | pdfplumber, of the PDFs |"
    yield "| --- | --- | --- |"
    peer = facts["pdfplumber, of the PDFs"]
    for name in ROWS:
        yield f"| {name} | {_cell(facts.get(name))} | {_cell(peer.get(name))} |"
    for name in CONFIDENCES:
        yield f"| {name} | {_cell(facts['confidence'].get(name))} | |"
    yield ""
    yield "| file | values outside lists; rows of its lists |"
    yield "| --- | --- |"
    for name, told in facts["by file"].items():
        yield f"| {name} | {told} |"


def _kinds(facts: Found) -> Iterator[str]:
    by_kind = facts[SETS[0]]["value F1 by kind"]
    names = [name for name, told in by_kind.items() if told["value"] is not None]
    yield f"| value F1, {SETS[0]} | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    values = (f"{by_kind[name]['value']:.3f}" for name in names)
    yield f"| by kind | {' | '.join(values)} |"


def _lists(facts: Found) -> Iterator[str]:
    yield (
        "| rows | read | found | wholly right | cells | of the list | twice | CPU s"
        " | pdfplumber finds |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for size, told in facts["lists by size"].items():
        theirs = _cell(told["pdfplumber"]["rows found"]) if "pdfplumber" in told else ""
        figures = " | ".join(_cell(told.get(name)) for name in _OF_LISTS)
        seconds = f"{min(told['extracting, CPU s']):.1f} to {max(told['extracting, CPU s']):.1f}"
        yield f"| {int(size):,} | {figures} | {seconds} | {theirs} |"


def _lists_without_tables(facts: Found) -> Iterator[str]:
    columns = ("rows found", "rows wholly right", "rows that are of the list", *_COMPLETENESS)
    yield f"| lists that are no tables | lists, rows | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * (len(columns) + 1)}"
    for name, told in facts.items():
        cells = " | ".join(_cell(told[column]) for column in columns)
        yield f"| {name} | {told['lists']}, {told['true rows']} | {cells} |"


def _cell(number: Any) -> str:
    if number is None or isinstance(number, int):
        return "" if number is None else f"{number}"
    if number["value"] is None:
        return ""
    low, high = number["interval"]
    return f"{number['value']:.3f} ({low:.3f} to {high:.3f})"


PACKET_SCORES = {
    "precision": "first pages: precision",
    "recall": "recall",
    "documents": "documents wholly right",
    "documents_of_one_sender": "those of stacks of one sender",
    "packets": "packets wholly right",
}
CHOICES = ("choice among five extractors", "choice by names too")


def packets(found: Found) -> Iterator[str]:
    """Yield a row for each set and splitter: first pages found, and documents wholly right."""
    yield f"| packets, splitter | {' | '.join(PACKET_SCORES.values())} |"
    yield f"| --- |{' --- |' * len(PACKET_SCORES)}"
    choice, named = (found["facts"][name] for name in CHOICES)
    for name, scores in found["facts"].items():
        if name in CHOICES:
            continue
        cells = (_share(scores.get(each)) for each in PACKET_SCORES)
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    for names, told in (("whose names say nothing", choice), ("named by their kind", named)):
        yield (
            f"Of {told['documents']:.0f} documents the right one of five extractors {names} fits"
            f" best for {told['right']:.2f}: clearly for {told['clearly_right']:.2f}, while"
            f" another one clearly does for {told['clearly_wrong']:.2f}. Without the right one"
            f" another is taken for {told['absent_given']:.2f}."
        )


def calibration(found: Found) -> Iterator[str]:
    """Yield a row for each kind and number of reviewed documents: whether its maps are taken."""
    columns = ("judging: documents, fields, wrong", "squared error", "gain, lower end", "taken")
    yield f"| reviewed | {' | '.join(columns)} |"
    yield "| --- | --- | --- | --- | --- |"
    for name, told in found["facts"].items():
        if name == "extractor":
            continue
        if "rows" not in told:
            yield f"| {name} | | | | no: {told['refusal']} |"
            continue
        judging = f"{told['documents']}, {told['rows']}, {told['wrong']}"
        error = f"{told['brier_before']:.3f} to {told['brier_after']:.3f}"
        taken = "yes" if told["taken"] else "no"
        yield f"| {name} | {judging} | {error} | {told['gain_low']:.3f} | {taken} |"


def labels(found: Found) -> Iterator[str]:
    """Yield a row for each number of reviewed documents, and for the ways that are not taken."""
    columns = ("value F1", "blanks given a value", "given values that are right")
    yield f"| fields outside lists | {' | '.join(columns)} | ECE | used |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, told in found["facts"].items():
        if name != "extractor":
            figures = " | ".join(_cell(told[each]) for each in columns)
            yield f"| {name} | {figures} | {told['ECE']:.3f} | {told.get('taken', '')} |"


def selection(found: Found) -> Iterator[str]:
    """Yield a row for each model that chose among spans of open fields, beside the ranker alone."""
    columns = ("documents", "value F1", "values that are right", "true values that are found")
    yield f"| fields outside lists | {' | '.join(columns)} | blanks given a value |"
    yield "| --- | --- | --- | --- | --- | --- |"
    others = []
    for name, told in found["facts"].items():
        if name == "extractor":
            continue
        if "value F1" not in told:
            others.append((name, told))
            continue
        figures = " | ".join(_cell(told[each]) for each in (*columns, "blanks given a value"))
        yield f"| {name} | {figures} |"
    for name, told in others:
        yield ""
        yield f"{name}: {', '.join(f'{each} {value}' for each, value in told.items())}."


def _share(score: Any) -> str:
    if score is None:
        return ""
    value, low, high = score
    return f"{value:.2f} ({low:.2f} to {high:.2f})"
