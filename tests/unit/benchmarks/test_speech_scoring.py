from __future__ import annotations

import pytest

from benchmarks.speech import scoring


@pytest.mark.parametrize(
    ("expected", "heard", "count"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b b c", 1),
        ("a b c", "", 3),
        ("", "a b", 2),
    ],
)
def test_words_replaced_left_out_and_added_are_errors(
    expected: str, heard: str, count: int
) -> None:
    assert scoring.errors(expected.split(), heard.split()) == count


def test_spelling_and_numbers_are_no_errors() -> None:
    written = "Mr. Grey\N{RIGHT SINGLE QUOTATION MARK}s 21 well-known bonds, 50!"
    spoken = "mister grey's twenty one well known bonds fifty"
    assert scoring.words(written) == scoring.words(spoken)


def test_an_error_rate_is_of_all_words_and_lies_in_its_interval() -> None:
    rate = scoring.error_rate([(0, 10), (3, 10), (1, 20)])
    assert rate["value"] == 0.1
    assert 0 <= rate["low"] < rate["value"] < rate["high"] <= 0.3


def test_numbers_of_speakers_are_matched_to_voices_at_their_best() -> None:
    told = [(2, "ada"), (2, "ada"), (1, "bob"), (None, "bob")]
    assert scoring.under_the_right_voice(told) == 0.75
    one_for_two = [(1, "ada"), (1, "ada"), (1, "bob")]
    assert scoring.under_the_right_voice(one_for_two) == pytest.approx(2 / 3)


def test_starts_are_off_by_their_median() -> None:
    found = scoring.start_errors([-10, 20, 30, -400])
    assert (found["median_ms"], found["bias_ms"], found["words"]) == (25, 5, 4)


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Entrez le numéro d'agent.", "fr", ["entrez", "le", "numero", "d", "agent"]),
        ("Su contraseña, 2 veces", "es", ["su", "contrasena", "2", "veces"]),
        ("It's 21 o'clock", "en", ["it's", "twenty", "one", "o'clock"]),
    ],
)
def test_words_are_compared_without_accents(text: str, language: str, words: list[str]) -> None:
    assert scoring.words(text, language) == words
