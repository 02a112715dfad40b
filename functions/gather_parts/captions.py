"""Write the captions of a recording, of what was heard in its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.speech import SpeechSegment, Transcript
from chalicelib.documents.captions import cues, subrip, webvtt
from chalicelib.retrieval.ids import captions_key, speech_key

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.contracts.parts import GatherPartsRequest, Part


def write_captions(
    request: GatherPartsRequest, parts: Sequence[Part], objects: ObjectStore
) -> None:
    """Write `captions.vtt` and `captions.srt`, without a caption if nobody speaks."""
    place = (request.tenant, request.document_id, request.version)
    captions = cues(_segments(request, parts, objects))
    for form, text in (("vtt", webvtt(captions)), ("srt", subrip(captions))):
        objects.write(request.bucket, captions_key(*place, form), text.encode(), {})


def _segments(
    request: GatherPartsRequest, parts: Sequence[Part], objects: ObjectStore
) -> Iterator[SpeechSegment]:
    """Yield what is said in the parts with sound, in order."""
    place = (request.tenant, request.document_id, request.version)
    for part in parts:
        if part.sound:
            body = objects.read(request.bucket, speech_key(*place, part.part))
            yield from Transcript.model_validate_json(body).segments
