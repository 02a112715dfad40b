"""Words of Whisper's tokens, also where their bytes are no text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.inference.speech.tokens import WhisperTokens, _byte_characters

MARKS = ("endoftext", "startoftranscript", "en", "translate", "transcribe", "startofprev")
CHARACTERS = {byte: character for character, byte in _byte_characters().items()}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> WhisperTokens:
    """A tokenizer with a token for each byte, whose number it is."""
    marks = {f"<|{mark}|>": 256 + n for n, mark in enumerate((*MARKS, "nospeech", "notimestamps"))}
    path = tmp_path_factory.mktemp("whisper") / "tokenizer.json"
    written = {
        "added_tokens": [{"content": mark, "id": number} for mark, number in marks.items()],
        "model": {"vocab": {character: byte for byte, character in CHARACTERS.items()}},
    }
    path.write_text(json.dumps(written))
    return WhisperTokens(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u00a0 Tür zu".encode(), ["\u00a0", " Tür", " zu"]),
        (b" one \xff two three", [" one", " \ufffd", " two", " three"]),
        (b" one \xe2\x82 two three", [" one", " \ufffd", " two", " three"]),
        (b" cut \xe2\x82", [" cut", " \ufffd"]),
    ],
)
def test_a_byte_that_is_no_text_ends_with_its_word(
    tokens: WhisperTokens, text: bytes, words: list[str]
) -> None:
    assert [word.text for word in tokens.words(list(text), "en")] == words


@given(text=st.binary(max_size=40))
def test_words_have_all_tokens_in_order(tokens: WhisperTokens, text: bytes) -> None:
    for language in ("en", "ja"):
        words = tokens.words(list(text), language)
        assert [token for word in words for token in word.tokens] == list(text)
