"""Speakers of a recording, put together from those of its parts."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from chalicelib.contracts.speech import SAME_VOICE

if TYPE_CHECKING:
    from chalicelib.contracts.speech import PartSpeaker, SpeechSegment, Transcript

Numbers = Mapping[int, int]
"""The number of a speaker in the recording, by that in the part."""
Place = tuple[int, int]
"""A part, counted from 0, and the number of a speaker in it."""


def joined_speakers(
    parts: Sequence[Sequence[PartSpeaker]], min_cosine: float = SAME_VOICE
) -> list[Numbers]:
    """Return the numbers of each part's speakers, counted from 1 in the order of the parts.

    Those who were told apart within a part stay apart. Others are merged, the most alike first,
    while the average cosine of their vectors is `min_cosine` at least. Vectors have length 1, so
    that this average is the product of two means.
    """
    places = [(at, each.number) for at, part in enumerate(parts) for each in part]
    speakers = [each for part in parts for each in part]
    groups: dict[int, list[Place]] = {at: [place] for at, place in enumerate(places)}
    sizes = [each.pieces for each in speakers]
    alike = [[-math.inf] * len(places) for _ in places]
    for one, other in combinations(range(len(places)), 2):
        if places[one][0] != places[other][0]:
            product = math.fsum(map(operator.mul, speakers[one].voice, speakers[other].voice))
            alike[one][other] = alike[other][one] = product
    while groups:
        best, one = max((max(alike[at]), at) for at in groups)
        if best < min_cosine:
            break
        other = alike[one].index(best)
        groups[one] += groups.pop(other)
        _merge(alike, sizes, one, other)
    return _numbered(groups.values(), parts)


def own_numbers(part: Transcript) -> Numbers:
    """Return the numbers of a part's speakers that are those of the recording already."""
    spoken = (word.speaker for segment in part.segments for word in segment.words)
    return {number: number for number in spoken if number is not None}


def with_speakers(part: Transcript, numbers: Numbers) -> Transcript:
    """Return a part with the numbers that its speakers have in the recording."""

    def segment(each: SpeechSegment) -> SpeechSegment:
        words = tuple(
            word.model_copy(update={"speaker": renumbered(word.speaker, numbers)})
            for word in each.words
        )
        speaker = renumbered(each.speaker, numbers)
        return each.model_copy(update={"words": words, "speaker": speaker})

    return part.model_copy(update={"segments": tuple(map(segment, part.segments))})


def renumbered(speaker: int | None, numbers: Numbers) -> int | None:
    """Return the number in the recording of a speaker of a part, None of none."""
    return None if speaker is None else numbers.get(speaker)


def _merge(alike: list[list[float]], sizes: list[int], kept: int, gone: int) -> None:
    """Add one group to another; their similarities to others are averaged by size."""
    total = sizes[kept] + sizes[gone]
    for at, row in enumerate(alike):
        joined = (row[kept] * sizes[kept] + row[gone] * sizes[gone]) / total
        row[kept] = alike[kept][at] = joined
        row[gone] = alike[gone][at] = -math.inf
    alike[kept][kept] = -math.inf
    sizes[kept] = total


def _numbered(
    groups: Iterable[Sequence[Place]], parts: Sequence[Sequence[PartSpeaker]]
) -> list[Numbers]:
    numbers: list[dict[int, int]] = [{} for _ in parts]
    for number, group in enumerate(sorted(map(sorted, groups)), 1):
        for part, speaker in group:
            numbers[part][speaker] = number
    return list[Numbers](numbers)
