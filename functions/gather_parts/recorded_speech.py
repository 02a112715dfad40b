"""Put together what was heard in the parts of a recording: speakers, captions and outline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.speech import SpeechSegment, Transcript
from chalicelib.documents.captions import Cue, cues, subrip, transcript_lines, webvtt
from chalicelib.retrieval.ids import captions_key, outline_key, speech_key
from chalicelib.retrieval.text.outlines import outline
from functions.gather_parts.speakers import Numbers, joined_speakers, own_numbers, with_speakers

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.contracts.parts import GatherPartsRequest, Part


@dataclass(frozen=True, slots=True)
class RecordedSpeech:
    """All segments in order, and the numbers of the speakers of each part with sound, by part."""

    segments: tuple[SpeechSegment, ...]
    speakers: Mapping[int, Numbers]


def recorded_speech(
    request: GatherPartsRequest, parts: Sequence[Part], objects: ObjectStore
) -> RecordedSpeech:
    """Return what is said in the parts with sound, each voice with one number in all of them."""
    place = (request.tenant, request.document_id, request.version)
    heard = {
        part.part: Transcript.model_validate_json(
            objects.read(request.bucket, speech_key(*place, part.part))
        )
        for part in parts
        if part.sound
    }
    numbers = [
        own_numbers(each) if each.speakers_joined else joined
        for each, joined in zip(
            heard.values(), joined_speakers([each.speakers for each in heard.values()]), strict=True
        )
    ]
    joined = map(with_speakers, heard.values(), numbers)
    return RecordedSpeech(
        segments=tuple(segment for each in joined for segment in each.segments),
        speakers=dict(zip(heard, numbers, strict=True)),
    )


def write_recording(
    request: GatherPartsRequest, speech: RecordedSpeech, objects: ObjectStore
) -> None:
    """Write captions, chapters, transcript and outline, without an entry if nobody speaks."""
    place = (request.tenant, request.document_id, request.version)
    captions, told = cues(speech.segments), outline(speech.segments)
    chapters = [Cue(each.start_ms, each.end_ms, each.title) for each in told.chapters]
    forms = {
        "vtt": webvtt(captions, voices=True),
        "srt": subrip(captions, voices=True),
        "chapters": webvtt(chapters),
        "txt": "".join(f"{line}\n" for line in transcript_lines(speech.segments)),
    }
    for form, text in forms.items():
        objects.write(request.bucket, captions_key(*place, form), text.encode(), {})
    objects.write(request.bucket, outline_key(*place), told.model_dump_json().encode(), {})
