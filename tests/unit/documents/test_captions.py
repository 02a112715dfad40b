from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.speech import SpeechSegment, SpokenWord
from chalicelib.documents.captions import MAX_CHARACTERS, MAX_MS, Cue, cues, subrip, webvtt

TIMES = re.compile(
    r"(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})"
)


def segment(*words: tuple[str, int, int, int]) -> SpeechSegment:
    spoken = tuple(
        SpokenWord(text=f" {text}", start_ms=start, end_ms=end, probability=1, speaker=speaker)
        for text, start, end, speaker in words
    )
    text = "".join(word.text for word in spoken).strip()
    return SpeechSegment(start_ms=words[0][1], end_ms=words[-1][2], text=text, words=spoken)


def test_a_sentence_is_a_caption() -> None:
    found = cues([segment(("Good", 0, 400, 1), ("morning.", 400, 900, 1))])
    assert found == [Cue(0, 900, "Good morning.", 1)]


def test_another_speaker_begins_another_caption() -> None:
    found = cues([segment(("Well?", 0, 400, 1), ("No.", 500, 900, 2))])
    assert [cue.text for cue in found] == ["Well?", "No."]


def test_long_speech_is_cut_between_words() -> None:
    found = cues([segment(*((f"word{n}", n * 300, n * 300 + 300, 1) for n in range(100)))])
    assert all(len(cue.text) <= MAX_CHARACTERS for cue in found)
    assert all(cue.end_ms - cue.start_ms <= MAX_MS for cue in found)
    assert " ".join(cue.text for cue in found).split() == [f"word{n}" for n in range(100)]
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(found))


def test_a_segment_without_words_is_a_caption_of_its_own() -> None:
    whole = SpeechSegment(start_ms=10, end_ms=20, text="Hello.")
    assert cues([whole]) == [Cue(10, 20, "Hello.")]


def test_captions_are_written_with_their_times() -> None:
    captions = [Cue(0, 1_500, "A & B <c>"), Cue(3_723_004, 3_724_000, "--> x")]
    assert webvtt(captions) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nA &amp; B &lt;c&gt;\n\n"
        "01:02:03.004 --> 01:02:04.000\n--&gt; x\n"
    )
    assert subrip(captions) == (
        "1\n00:00:00,000 --> 00:00:01,500\nA & B <c>\n\n2\n01:02:03,004 --> 01:02:04,000\n-> x\n\n"
    )


def test_captions_say_who_speaks_if_they_are_asked_to() -> None:
    captions = [Cue(0, 900, "Well?", 1), Cue(900, 1_000, "Go on.", 1), Cue(1_000, 2_000, "No.", 2)]

    assert "<v Speaker 1>Well?" in webvtt(captions, voices=True)
    assert "<v Speaker 2>No." in webvtt(captions, voices=True)
    assert [line.partition("\n")[2] for line in subrip(captions, voices=True).split("\n\n")][
        :3
    ] == [
        "00:00:00,000 --> 00:00:00,900\nSpeaker 1: Well?",
        "00:00:00,900 --> 00:00:01,000\nGo on.",
        "00:00:01,000 --> 00:00:02,000\nSpeaker 2: No.",
    ]
    assert "Speaker" not in webvtt(captions) + subrip(captions[:2], voices=True)


@given(
    st.lists(
        st.builds(
            Cue, st.integers(0, 400_000_000), st.integers(0, 400_000_000), st.text(min_size=1)
        ),
        max_size=5,
    )
)
def test_whatever_is_said_each_caption_is_one_block(captions: list[Cue]) -> None:
    captions = [cue for cue in captions if cue.text.strip()]
    blocks = webvtt(captions).rstrip("\n").split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert len(blocks) == len(captions) + 1
    for block in blocks[1:]:
        assert TIMES.fullmatch(block.split("\n")[0])
        assert "-->" not in "\n".join(block.split("\n")[1:])
