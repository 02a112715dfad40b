"""The speech benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

_RATES = ("people", "synthesised", "dialogues")


def speech(found: Found) -> Iterator[str]:
    """Yield a row per contestant, then what is heard where nobody speaks, then speakers."""
    facts = found["facts"]
    told: Found = facts["contestants"]
    first = next(iter(told.values()))
    columns = [f"{kind} ({first[f'words in error, {kind}']['words']} words)" for kind in _RATES]
    yield (
        f"| of {facts['minutes']} minutes | words in error: {' | '.join(columns)}"
        " | CPU seconds a minute | starts of words off by, median (90 %) |"
    )
    yield f"| --- |{' --- |' * (len(_RATES) + 2)}"
    for name, each in told.items():
        if "starts of words" not in each:
            continue
        rates = [_rate(each[f"words in error, {kind}"]) for kind in _RATES]
        starts = each["starts of words"]
        took = f"{starts['median_ms']:.0f} ms ({starts['p90_ms']:.0f}), {starts['words']} words"
        yield f"| {name} | {' | '.join(rates)} | {each['CPU seconds a minute']} | {took} |"
    yield ""
    kinds = list(first["words where nobody speaks"])
    yield f"| words heard in a minute of | {' | '.join(kinds)} |"
    yield f"| --- |{' --- |' * len(kinds)}"
    for name, each in told.items():
        counts = each["words where nobody speaks"].values()
        if counts:
            yield f"| {name} | {' | '.join(str(count) for count in counts)} |"
    yield ""
    speakers: Found = facts["speakers"]
    low, high = speakers["interval"]
    parts = ", ".join(f"{share:.3f} of {n}" for n, share in speakers["by voices"].items())
    yield (
        f"Speakers: of {speakers['words']} words of {len(speakers['speakers found'])} dialogues,"
        f" {speakers['words under the right voice']:.3f} ({low:.3f} to {high:.3f}) are under the"
        f" right voice; by voices: {parts}. {speakers['voices']} voices; speakers found:"
        f" {', '.join(speakers['speakers found'])}."
    )


def speech_people(found: Found) -> Iterator[str]:
    """Yield a row per collection: words in error by each contestant."""
    collections: Found = found["facts"]["collections"]
    names = list(next(iter(collections.values()))["words in error"])
    yield f"| people, {found['facts']['minutes']} minutes | words | {' | '.join(names)} |"
    yield f"| --- | --- |{' --- |' * len(names)}"
    for name, each in collections.items():
        rates: Found = each["words in error"]
        told = " | ".join(_rate(rates[contestant]) for contestant in names)
        yield f"| {name} ({each['minutes']} min) | {rates[names[0]]['words']} | {told} |"


def speech_speakers(found: Found) -> Iterator[str]:
    """Yield a row for each setting, then those of voices that chose nothing."""
    facts = found["facts"]
    yield "| merged from a cosine of | words under the right voice | 95 % | lowest of a dialogue |"
    yield "| --- | --- | --- | --- |"
    for name, told in facts["settings"].items():
        yield _share_row(name, told)
    yield "| **held out** | | | |"
    for name, told in facts["held out"].items():
        yield _share_row(name, told)
    joined: Found = facts["held out"]["joined"]
    yield ""
    yield (
        f"Held out: {joined['words']} words of {len(joined['speakers found'])} dialogues in"
        f" {joined['parts']} parts; speakers found: {', '.join(joined['speakers found'])}."
    )


def _share_row(name: str, told: Found) -> str:
    low, high = told["interval"]
    share = f"{told['words under the right voice']:.3f} | {low:.3f} to {high:.3f}"
    return f"| {name} | {share} | {told['lowest']:.3f} |"


def recording_chapters(found: Found) -> Iterator[str]:
    """Yield for each set of talks a row for each way to find chapters."""
    yield (
        "| talks of | chapters found by | right, of those that there are | 95 % | of those found"
        " | F1 | Pk | WindowDiff |"
    )
    yield f"|{' --- |' * 8}"
    for name, talks in found["facts"].items():
        of = f"{name}: {talks['talks']}, {talks['minutes']} min"
        for way, told in talks.items():
            if not isinstance(told, dict):
                continue
            low, high = told["found"]["interval"]
            counts = f"{told['found']['right']} of {told['found']['of']} | {low:.2f} to {high:.2f}"
            rest = f"{told['right']['of']} | {told['F1']:.2f} | {told['Pk']:.2f}"
            yield f"| {of} | {way} | {counts} | {rest} | {told['WindowDiff']:.2f} |"


def _rate(rate: Found) -> str:
    return f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})"
