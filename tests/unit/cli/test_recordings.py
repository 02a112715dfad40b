"""The commands `outline` and `minutes`, and speakers' names in texts."""

from __future__ import annotations

import json

from chalicelib.contracts.prompts import SavePromptRequest
from chalicelib.prompts.validation import check_prompt
from cli.documents.recordings import checked_lines, spoken_lines
from cli.documents.voices import changes, voiced_hit, voiced_pieces
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

TRANSCRIPT = (
    "[00:00:01–00:00:09] Speaker 1: It is open.\n[00:12:31–00:12:44] Speaker 2: Close it.\n"  # noqa: RUF001
)


def test_should_show_chapters_with_the_sentences_that_sum_them_up(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    said = {"start_ms": 751_000, "end_ms": 764_000, "text": "Close it.", "speaker": 2}
    chapter = {"start_ms": 700_000, "end_ms": 900_000, "title": "Valve", "summary": [said]}
    fake.shown["/v1/documents/doc_a/outline"] = {"speakers": 2, "chapters": [chapter]}

    shown = headrace("outline", "doc_a").out

    assert "[00:11:40–00:15:00] Valve" in shown  # noqa: RUF001
    assert "[00:12:31–00:12:44] Speaker 2: Close it." in shown  # noqa: RUF001


def test_should_mark_lines_of_minutes_that_cite_no_time_of_the_recording(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.objects["/bucket/transcript"] = TRANSCRIPT.encode()
    found = {"name": "a.mp3.txt", "url": f"{fake.url}/bucket/transcript"}
    fake.shown["/v1/documents/doc_a/captions?format=txt"] = found
    fake.shown["/v1/prompts/minutes"] = {"latest": 3}
    ran = {"output": "It was open [00:00:01].\nAll agreed.", "receipt": None, "verdict": None}
    fake.answer = ran

    ended = headrace("minutes", "doc_a", "--json")

    assert ended.code == 1
    told = json.loads(ended.out)["minutes"]
    assert [line["stands"] for line in told] == [True, False]
    sent = next(body for _, path, body in fake.requests if path.endswith("/runs"))
    assert sent == {"version": 3, "variables": {"transcript": TRANSCRIPT}}


def test_should_save_the_prompt_of_minutes_at_its_first_use(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.objects["/bucket/transcript"] = TRANSCRIPT.encode()
    found = {"name": "a.mp3.txt", "url": f"{fake.url}/bucket/transcript"}
    fake.shown["/v1/documents/doc_a/captions?format=txt"] = found
    fake.answer = {"version": 1, "output": "Open [00:00:01].", "receipt": None}

    assert headrace("minutes", "doc_a").code == 0

    saved = next(body for _, path, body in fake.requests if path == "/v1/prompts")
    assert saved["name"] == "minutes"
    check_prompt(SavePromptRequest.model_validate(saved))
    assert headrace("minutes", "doc_a", "--prompt", "mine").code == 1


def test_a_line_stands_if_its_words_are_said_at_the_times_that_it_cites() -> None:
    spoken = spoken_lines(TRANSCRIPT)
    assert [(each.start, each.end) for each in spoken] == [(1, 9), (751, 764)]
    lines = (
        "It was closed [00:12:40-00:12:44].",
        "It is open [00:00:02], and to be closed [00:12:31–00:12:44].",  # noqa: RUF001
        "Closed [00:05:00].",
        "Open [00:00:02], closed [01:00:00].",
        "Speaker 1 reported that the pump of the east well failed [00:00:02].",
        "Open.",
    )
    found = [line.stands for line in checked_lines("\n\n".join(lines), spoken)]
    assert found == [True, True, False, False, False, False]


def test_names_stand_where_another_voice_begins() -> None:
    points = [{"at": 10, "ms": 0, "speaker": 1}, {"at": 14, "ms": 1, "speaker": 1}]
    points += [{"at": 18, "ms": 2, "speaker": 2}, {"at": 22, "ms": 3}]
    hit = {"start": 10, "text": "One Two Three", "timeline": points}

    assert changes(points, "at") == [(10, 1), (18, 2)]
    assert voiced_hit(hit) == "Speaker 1: One Two Speaker 2: Three"
    assert voiced_hit({"start": 3, "text": "Plain."}) == "Plain."
    assert list(voiced_pieces(4, [(2, 7), (9, 8)])) == [("", 0, 2), ("Speaker 7: ", 2, 4)]
