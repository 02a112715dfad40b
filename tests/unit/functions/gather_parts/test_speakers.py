"""Speakers of parts, put together to those of the recording."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.speech import PartSpeaker, SpeechSegment, SpokenWord, Transcript
from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.speaker_clusters import part_speakers, speakers
from chalicelib.inference.speech.speakers import Voice
from chalicelib.inference.speech.voice_activity import Interval
from functions.gather_parts.speakers import joined_speakers, with_speakers

BASIS = np.random.default_rng(3).normal(size=(4, 256))


def heard(letters: str, seed: int = 0) -> tuple[PartSpeaker, ...]:
    """Return the speakers of a part in which those of `letters` speak, as it tells them apart."""
    rng = np.random.default_rng(seed)
    voices = []
    for number, letter in enumerate(letters):
        vector = BASIS["abcd".index(letter)] + 0.3 * rng.normal(size=256)
        start = int(number * 2 * RATE)
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        voices.append(Voice(Interval(start, start + 2 * RATE), unit))
    return part_speakers(voices, speakers(voices))


def test_a_voice_has_one_number_in_all_parts() -> None:
    found = joined_speakers([heard("aabb", 1), heard("bbcc", 2), heard("ccaa", 3)])

    assert found == [{1: 1, 2: 2}, {1: 2, 2: 3}, {1: 3, 2: 1}]


def test_who_was_told_apart_in_a_part_stays_so_though_another_is_like_both() -> None:
    one = (1.0, 0.0) + (0.0,) * 254
    other = (0.6, 0.8) + (0.0,) * 254
    between = (0.9, 0.436) + (0.0,) * 254
    parts = [
        [PartSpeaker(number=n, pieces=9, voice=voice) for n, voice in enumerate(some, 1)]
        for some in ((one, other), (between,))
    ]

    assert joined_speakers(parts) == [{1: 1, 2: 2}, {1: 1}]


@given(st.lists(st.text("abcd", max_size=6), max_size=6))
def test_numbers_are_of_voices_and_count_from_one(parts: list[str]) -> None:
    told = [
        heard("".join(letter * 2 for letter in letters), at) for at, letters in enumerate(parts)
    ]
    found = joined_speakers(told)

    names: dict[str, set[int]] = {}
    for letters, numbers in zip(parts, found, strict=True):
        for letter, number in zip(dict.fromkeys(letters), sorted(numbers), strict=True):
            names.setdefault(letter, set()).add(numbers[number])
    assert all(len(numbers) == 1 for numbers in names.values())
    assert sorted(each for numbers in names.values() for each in numbers) == list(
        range(1, len(names) + 1)
    )


def test_words_and_segments_get_the_numbers_of_the_recording() -> None:
    words = tuple(
        SpokenWord(text=" So.", start_ms=0, end_ms=9, probability=1, speaker=speaker)
        for speaker in (1, 2, None)
    )
    segment = SpeechSegment(start_ms=0, end_ms=9, text="So. So. So.", words=words, speaker=2)

    found = with_speakers(Transcript(segments=(segment,)), {1: 4, 2: 1})

    assert [word.speaker for word in found.segments[0].words] == [4, 1, None]
    assert found.segments[0].speaker == 1
