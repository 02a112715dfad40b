from __future__ import annotations

import numpy as np
import pytest

from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.speaker_clusters import average_linkage, speaker_at, speakers
from chalicelib.inference.speech.speakers import Voice
from chalicelib.inference.speech.voice_activity import Interval


def voices(who: str, spread: float = 0.02) -> list[Voice]:
    """Return a voice of 1.6 s every 0.8 s, whose letter says who speaks."""
    rng = np.random.default_rng(0)
    basis = {letter: rng.normal(size=256) for letter in sorted(set(who))}
    found = []
    for number, letter in enumerate(who):
        vector = basis[letter] + spread * rng.normal(size=256)
        start = int(number * 0.8 * RATE)
        direction = (vector / np.linalg.norm(vector)).astype(np.float32)
        found.append(Voice(Interval(start, start + int(1.6 * RATE)), direction))
    return found


@pytest.mark.parametrize("who", ["aaaa", "aaabbbaaa", "abcabcabcabc", "aabbccddeeaabbccddee"])
def test_as_many_speakers_are_found_as_speak_in_the_order_of_their_first_words(who: str) -> None:
    expected = [list(dict.fromkeys(who)).index(letter) + 1 for letter in who]
    assert speakers(voices(who)) == expected


def test_a_cough_is_no_speaker() -> None:
    assert set(speakers(voices("aaaaabaaaaa"))) == {1}


def test_nobody_speaks_in_silence_and_one_does_in_a_word() -> None:
    assert speakers([]) == []
    assert speakers(voices("a")) == [1]


def test_groups_are_those_of_the_plain_algorithm() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(40, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for least in (-0.2, 0.1, 0.4, 0.8):
        found = average_linkage(vectors, least)
        assert partition(found) == partition(plain(vectors, least))


def plain(vectors: np.ndarray, least: float) -> np.ndarray:
    """Merge the two groups that are most alike on average, until none are alike enough."""
    groups = [[number] for number in range(len(vectors))]
    while len(groups) > 1:
        pairs = [
            (float((vectors[one] @ vectors[other].T).mean()), first, second)
            for first, one in enumerate(groups)
            for second, other in enumerate(groups[:first])
        ]
        best, first, second = max(pairs)
        if best < least:
            break
        groups[second] += groups.pop(first)
    found = np.zeros(len(vectors), np.int64)
    for number, group in enumerate(groups):
        found[group] = number
    return found


def partition(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == each).tolist()) for each in np.unique(groups)}


def test_a_word_is_whose_voice_is_heard_around_it() -> None:
    heard = voices("aabb")
    numbers = speakers(heard)
    assert speaker_at(0, RATE // 2, heard, numbers) == 1
    assert speaker_at(3 * RATE, 3 * RATE + RATE // 2, heard, numbers) == 2
    assert speaker_at(9 * RATE // 2, 5 * RATE, heard, numbers) == 2
    assert speaker_at(60 * RATE, 61 * RATE, heard, numbers) is None
