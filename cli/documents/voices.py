"""Speakers' names in the text of a recording, where another one begins to speak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from cli.output import Json

Change = tuple[int, int]
"""A character at which another speaker begins, and the speaker's number."""


def changes(points: Iterable[Json], name: str) -> list[Change]:
    """Return where another speaker begins, by points or words whose field `name` says where."""
    found: list[Change] = []
    for each in points:
        speaker = each.get("speaker")
        if speaker is not None and (not found or found[-1][1] != speaker):
            found.append((each[name], speaker))
    return found


def voiced_pieces(length: int, found: Iterable[Change]) -> Iterator[tuple[str, int, int]]:
    """Yield the pieces of a text that changes of speakers cut, each with the name before it.

    Args:
        length: The characters of the text.
        found: The changes; those that are not within it are left out.
    """
    within = [(at, f"Speaker {speaker}: ") for at, speaker in found if 0 <= at < length]
    if not within or within[0][0] > 0:
        within.insert(0, (0, ""))
    for (start, name), (end, _) in pairwise([*within, (length, "")]):
        yield name, start, end


def voiced_hit(hit: Json) -> str:
    """Return the text of a hit, with who speaks if that is known."""
    found = [(at - hit["start"], who) for at, who in changes(hit.get("timeline", ()), "at")]
    text: str = hit["text"]
    return "".join(name + text[a:b] for name, a, b in voiced_pieces(len(text), found))
