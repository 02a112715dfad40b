"""Shots and frames of a part of a film, what is read and seen on them, and the page of it."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.contracts.functions.read_media import ReadMediaRequest
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.parts import Part
from chalicelib.contracts.picture_labels import Label
from chalicelib.contracts.shots import FilmShot, FindShotsRequest, FrameLabels, FrameText
from chalicelib.contracts.speech import Transcript
from chalicelib.errors import Unsupported
from chalicelib.retrieval.ids import film_key, frame_key, shots_key, version_prefix
from chalicelib.retrieval.text.recorded_chunks import chunk_recording
from chalicelib.retrieval.text.spoken_passages import PassageLengths
from functions.read_document.screen import screen_page
from functions.read_document.speech import speech_page
from functions.read_media import core, film
from functions.read_media.recording_parts import RecordingLimits
from tests.media_files import encode
from tests.unit.functions.read_document.test_speech import TALK
from tests.unit.ingest.examples import BUCKET
from tests.unit.ingest.fakes import FakeObjects

MACHINE = Path(__file__).parents[4] / "statemachines" / "ingest.asl.json"
PLACE = ("acme", "doc_a", "v_a")
COLOURS = "[0:v][1:v][2:v]concat=n=3"


@pytest.fixture
def objects(tmp_path: Path) -> FakeObjects:
    """Return a film of red, blue and red again, a second each."""
    inputs = [
        argument
        for colour in ("red", "blue", "red")
        for argument in ("-f", "lavfi", "-i", f"color={colour}:s=64x48:r=25:d=1")
    ]
    path = encode(tmp_path / "a.mp4", *inputs, "-filter_complex", COLOURS)
    return FakeObjects({version_prefix(*PLACE) + "source": path.read_bytes()})


def _find(
    objects: FakeObjects,
    start_ms: int,
    end_ms: int,
    *,
    is_copied: bool = False,
    clock: Callable[[], float] = lambda: 0.0,
) -> tuple[FilmShot, ...]:
    tenant, document, version = PLACE
    request = FindShotsRequest(
        tenant=tenant,
        document_id=document,
        version=version,
        bucket=BUCKET,
        correlation_id="c",
        part=2,
        start_ms=start_ms,
        end_ms=end_ms,
        is_copied=is_copied,
    )
    deps = core.Deps(objects, 1 << 30, clock=clock, memory_gb=1.0, limits=RecordingLimits())
    found = film.find_shots(request, deps)
    shots = parse_lines(objects.bodies[shots_key(*PLACE, 2)], FilmShot, found.shots)
    assert found.frames == len({shot.frame for shot in shots})
    return tuple(shots)


def test_shots_that_look_alike_share_a_frame(objects: FakeObjects) -> None:
    first, second, third = _find(objects, 0, 3_000)

    assert (first.frame, second.frame, third.frame) == (1, 2, 1)
    assert [shot.start_ms for shot in (first, second, third)] == [0, 1_040, 2_000]
    assert third.end_ms == 3_000
    frame = Image.open(io.BytesIO(objects.bodies[frame_key(*PLACE, 2, 2)]))
    assert (frame.format, frame.size) == ("JPEG", (64, 48))


def test_times_of_a_part_are_those_of_the_film(objects: FakeObjects) -> None:
    (shot,) = _find(objects, 2_100, 3_000)

    assert (shot.start_ms, shot.end_ms) == (2_100, 3_000)


def test_parts_of_a_film_are_looked_at_in_copies_of_their_own(tmp_path: Path) -> None:
    # A key frame every two seconds, frames in another order than they are shown in, and a first
    # one that is not at zero: what makes copies begin early, and times differ.
    sources = ("red", "blue", "lime", "white", "navy", "black")
    inputs = [
        argument
        for colour in sources
        for argument in ("-f", "lavfi", "-i", f"color={colour}:s=64x48:r=25:d=1")
    ]
    joined = "".join(f"[{n}:v]" for n in range(len(sources))) + f"concat=n={len(sources)}"
    coded = ("-c:v", "libx264", "-g", "50", "-bf", "2", "-output_ts_offset", "0.4")
    path = encode(tmp_path / "a.mkv", *inputs, "-filter_complex", joined, *coded)
    objects = FakeObjects({version_prefix(*PLACE) + "source": path.read_bytes()})
    limits = RecordingLimits(min_part_ms=1_500, max_part_ms=2_500)
    tenant, document, version = PLACE
    place = {"tenant": tenant, "document_id": document, "version": version, "bucket": BUCKET}
    request = ReadMediaRequest.model_validate({**place, "path": "a.mkv", "correlation_id": "c"})
    deps = core.Deps(objects, 1 << 30, clock=lambda: 0.0, memory_gb=1.0, limits=limits)

    planned = core.run(request, deps)

    body = objects.bodies[version_prefix(*PLACE) + "parts.jsonl"]
    parts = parse_lines(body, Part, planned.parts)
    assert [part.is_copied for part in parts] == [True] * 3
    whole = [_find(objects, part.start_ms, part.end_ms) for part in parts]
    assert [len(shots) for shots in whole] == [3, 3, 1]
    frames = objects.bodies[frame_key(*PLACE, 2, 1)]
    copies = [objects.bodies[film_key(*PLACE, part.part)] for part in parts]
    del objects.bodies[version_prefix(*PLACE) + "source"]
    for part, copy, shots in zip(parts, copies, whole, strict=True):
        objects.bodies[film_key(*PLACE, 2)] = copy
        assert _find(objects, part.start_ms, part.end_ms, is_copied=True) == shots
    assert objects.bodies[frame_key(*PLACE, 2, 1)] == frames


def test_frames_that_take_too_long_are_refused(objects: FakeObjects) -> None:
    ticks = itertools.count(step=film.PICKING_S / 2)
    with pytest.raises(Unsupported, match=r"part 2 of the film.*within 220 s"):
        _find(objects, 0, 3_000, clock=lambda: float(next(ticks)))


def test_frames_are_sampled_within_the_time_of_the_state_that_asks_for_them() -> None:
    machine = json.loads(MACHINE.read_text())
    state = machine["States"]["ReadParts"]["ItemProcessor"]["States"]["FindShots"]
    assert film.SAMPLING.wall_seconds < film.PICKING_S <= state["TimeoutSeconds"] - 20


PART = Part(part=2, first_page=3, pages=2, start_ms=60_000, end_ms=90_000, sound=True, film=True)
SHOTS = (
    FilmShot(start_ms=60_000, end_ms=65_000, frame=1),
    FilmShot(start_ms=65_000, end_ms=70_000, frame=2),
    FilmShot(start_ms=70_000, end_ms=72_000, frame=2),
    FilmShot(start_ms=72_000, end_ms=80_000, frame=1),
    FilmShot(start_ms=80_000, end_ms=90_000, frame=3),
)
TEXTS = (
    FrameText(frame=1),
    FrameText(frame=2, text="Budget of the harbour\n2.4 million", confidence=0.98),
    FrameText(frame=3),
)
SEEN = (
    FrameLabels(
        frame=1, labels=(Label(name="lighthouse", share=0.7), Label(name="pier", share=0.1))
    ),
    FrameLabels(frame=2, labels=(Label(name="web site", share=0.15),)),
    FrameLabels(frame=3, labels=(Label(name="doormat", share=0.11),)),
)


def test_a_page_has_what_is_seen_and_read_in_each_shot() -> None:
    page, times = screen_page(PART, 4, SHOTS, TEXTS, SEEN)

    assert page.text == "Seen: lighthouse; pier\n\nBudget of the harbour\n2.4 million"
    assert [heading for _, heading in page.headings] == [
        "On screen at 00:01:00",
        "On screen at 00:01:05",
    ]
    assert [(block.start_ms, block.end_ms) for block in times.blocks] == [
        (60_000, 65_000),
        (65_000, 72_000),
    ]


def test_passages_are_of_one_shot_and_of_one_kind() -> None:
    spoken, heard = speech_page(PART, TALK)
    shown, when = screen_page(PART, 4, SHOTS, TEXTS, SEEN)
    pages, times = (spoken, shown), (heard, when)

    chunks = list(chunk_recording(pages, times, lambda text: len(text.split()), 40))

    assert [chunk.n for chunk in chunks] == [0, 1, 2]
    assert [(chunk.page, chunk.start_ms, chunk.end_ms) for chunk in chunks] == [
        (3, 60_500, 72_400),
        (4, 60_000, 65_000),
        (4, 65_000, 72_000),
    ]
    assert [label.name for label in chunks[1].labels] == ["lighthouse", "pier"]
    assert all(
        chunk.text == pages[chunk.page - 3].text[chunk.start : chunk.end] for chunk in chunks
    )
    assert [chunk.described for chunk in chunks] == [False, True, False]
    assert (chunks[2].heading, chunks[2].labels) == ("On screen at 00:01:05", ())


def test_speech_is_cut_where_nobody_speaks_and_keeps_its_place_on_the_page() -> None:
    described = PART.model_copy(update={"description": "a.wav is a recording of 30 seconds."})
    spoken, heard = speech_page(described, TALK)
    silent, nothing = speech_page(described, Transcript())
    lengths = PassageLengths(pause_ms=2_000, min_ms=1_000, max_ms=15_000)

    chunks = list(chunk_recording([spoken], [heard], lambda text: len(text.split()), 40, lengths))
    (alone,) = chunk_recording([silent], [nothing], lambda text: len(text.split()), 40)

    assert [chunk.text for chunk in chunks] == [
        described.description,
        "Hello there. The valve is open.",
        "Close it now.\n\nYes.",
    ]
    assert [chunk.n for chunk in chunks] == [0, 1, 2]
    assert all(chunk.text == spoken.text[chunk.start : chunk.end] for chunk in chunks)
    assert [(chunk.start_ms, chunk.end_ms) for chunk in chunks[1:]] == [
        (60_500, 63_500),
        (70_000, 72_400),
    ]
    assert [point.ms for point in chunks[1].timeline] == [60_500, 61_600]
    assert [chunk.described for chunk in chunks] == [True, False, False]
    assert (alone.text, alone.described) == (described.description, True)
