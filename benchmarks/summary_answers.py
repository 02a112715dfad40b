"""Tables of `answering`, `answering_real`, `support`, `followups` and `screening`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

WAY = "by learned odds"
NEAR = "by nearness"
OUTCOMES = "outcomes"


def answering(found: Found) -> Iterator[str]:
    """Yield the results of each set of questions, and those of other thresholds."""
    sets, near = found["facts"][WAY], found["facts"][NEAR]
    names = [name for name in sets if "ends" in sets[name]]
    yield "| questions | answered rightly | wrongly | refused | false answers | by nearness alone |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in names:
        yield from _ends(name, sets[name], near[name])
        if "held out" in sets[name]:
            yield from _ends(f"{name}, held out", sets[name]["held out"], near[name]["held out"])
    yield ""
    yield from _outcomes(found["facts"][OUTCOMES])
    yield ""
    (label,) = (name for name in sets if name.startswith("curve"))
    yield f"The {label}:"
    yield ""
    yield "| logarithm of the odds beyond those needed | answered rightly | false answers |"
    yield "| --- | --- | --- |"
    for point in sets[label]:
        right, false = point["answered rightly"], point["false answers"]
        yield f"| {point['floor']:+.1f} | {right:.0%} | {false:.0%} |"


def _outcomes(sets: Found) -> Iterator[str]:
    """Yield how many questions of each kind have each of the three outcomes."""
    columns = [
        *("answered", "answered rightly", "answered beside the point"),
        *("nearest", "nearest with the answer", "nearest without the answer", "not found"),
    ]
    yield f"| questions | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for name, kinds in sets.items():
        for kind, counts in kinds.items():
            cells = " | ".join(str(counts.get(column, "")) for column in columns)
            yield f"| {name}, {kind} | {cells} |"


def answering_real(found: Found) -> Iterator[str]:
    """Yield what became of the questions about real files, by set and by kind of file."""
    yield (
        "| files | questions | answered rightly | beside the point | rightly or in the nearest"
        " | near misses answered | found in ten | first |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, figures in found["facts"].items():
        yield _real(f"**{name}**", figures["all"])
        for kind, of_kind in figures["by kind"].items():
            yield _real(kind, of_kind)
    for name, figures in found["facts"].items():
        theirs = figures["LlamaIndex"]
        if theirs:
            yield ""
            yield (
                f"LlamaIndex {theirs['version']} with the same model, {name}: the answer is in its"
                f" three nodes, of {theirs['characters of its nodes']:,} characters together, for"
                f" {_share(theirs['in its three nodes'])} of the questions, and in the first for"
                f" {_share(theirs['in its first node'])}."
            )


def _real(name: str, figures: Found) -> str:
    shares = (
        "answered rightly",
        "beside the point",
        "rightly or in the nearest",
        "near misses answered",
        "found in ten",
        "found first",
    )
    asked = f"{figures['questions']} + {figures['near misses']} near misses"
    return f"| {name} | {asked} | {' | '.join(_share(figures[each]) for each in shares)} |"


def _ends(name: str, told: Found, near: Found) -> Iterator[str]:
    ends = told["ends"]
    right = told["answered rightly"]
    wrongly = ends["answered wrongly"] - _false(told)
    yield (
        f"| {name} | {ends['answered rightly']} of {told['answerable']}, {_share(right)}"
        f" | {wrongly} | {ends['refused wrongly']} | {_of(told)}, {_share(told['false answers'])}"
        f" | {_of(near)} |"
    )


def _of(told: Found) -> str:
    return f"{_false(told)} of {told['unanswerable']}"


def _false(told: Found) -> int:
    count: int = round(told["false answers"]["value"] * told["unanswerable"])
    return count


def support(found: Found) -> Iterator[str]:
    """Yield precision and recall of both checks, and the results of each kind of pair."""
    facts = found["facts"]
    ours, older = facts["check_support"], facts["older check"]
    yield "| check | pairs | let through rightly | wrongly | precision | recall | F1 |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, told in (
        ("`check_support`, held out", ours["held out"]),
        ("`check_support`, all", ours["all"]),
        ("older check, held out", older["held out"]),
        ("older check, all", older["all"]),
    ):
        counts = f"{told['pairs']} | {told['let through rightly']} | {told['let through wrongly']}"
        scores = " | ".join(_share(told[score]) for score in ("precision", "recall", "f1"))
        yield f"| {name} | {counts} | {scores} |"
    yield ""
    yield "| kind of pair | pairs | judged rightly | held out | older check |"
    yield "| --- | --- | --- | --- | --- |"
    unseen = ours["held out, by category"]
    for name, told in ours["all, by category"].items():
        cells = (
            str(told["pairs"]),
            _share(told["recall"]),
            _share(unseen[name]["recall"]) if name in unseen else "",
            f"{older['all, by category'][name]['recall']['value']:.0%}",
        )
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    (name, taken), *_ = found["measured"].items()
    yield f"{name}: {taken['median']:.0f} ms, p90 {taken['p90']:.0f} ms."


def followups(found: Found) -> Iterator[str]:
    """Yield the results of questions without and with the rules."""
    yield "| questions | | right | wrong | refused |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, told in found["facts"].items():
        for way in ("as they were put", "as the rules resolve them"):
            ends = told[way]
            cells = f"{ends['right']} | {ends['wrong']} | {ends['refused']}"
            yield f"| {told['cases']}, {kind} | {way} | {cells} |"


def screening(found: Found) -> Iterator[str]:
    """Yield how many instructions are found, and how many other sentences are flagged."""
    yield "| sentences | orders found | others taken for orders |"
    yield "| --- | --- | --- |"
    for name, told in found["facts"].items():
        aimed = f"{_share(told['found'])}, of {told['aimed']}"
        others = f"{_share(told['taken for orders'])}, of {told['others']}"
        yield f"| {name} set | {aimed} | {others} |"


def _share(told: Found) -> str:
    low, high = told["interval"]
    return f"{told['value']:.0%} ({low:.0%} to {high:.0%})"
