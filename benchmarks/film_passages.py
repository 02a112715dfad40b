"""Lengths of spoken passages, by talks on which they are chosen, and by others that judge them.

Talks are transcripts with drawn times, chunked and searched as recordings are. Half of them are
sentences that have nothing to do with each other, as in `benchmarks.film`; half are read from a
page. Settings are chosen on the pages of `docs`, and judged on decision records, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.film import PROSE, FilmQuestion, figures, grouped, prose_sentences, words_of
from benchmarks.reporting import Result
from chalicelib.contracts.ingest import Chunk
from chalicelib.contracts.parts import Part
from chalicelib.contracts.speech import SpeechSegment, SpokenWord, Transcript
from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.text.recorded_chunks import chunk_recording
from chalicelib.retrieval.text.spoken_passages import LENGTHS, PassageLengths
from functions.read_document.speech import speech_page
from models.judged_search.engine import Engine, passage_engine
from models.pull.cache import CACHE

PROJECT = Path(__file__).resolve().parent.parent
SEEDS = tuple(range(821, 829))
HELD_OUT_SEEDS = tuple(range(901, 909))
"""Each seed draws a talk of unrelated sentences, and one that is read."""
RECORDS = 10
"""Decision records that are one page to read."""
SENTENCES = 60
ASKED_EVERY = 2
WORD_MS, GAP_MS = 300, 60
MIN_PARAGRAPHS = 10
NEVER = 1_000_000_000
UNCUT = PassageLengths(pause_ms=NEVER, min_ms=0, max_ms=NEVER)
"""Only tokens end a passage, as those of other texts."""
TRIED = (
    UNCUT,
    *(PassageLengths(NEVER, 0, longest) for longest in (30_000, 20_000, 15_000, 10_000)),
    *(
        PassageLengths(pause, shortest, longest)
        for pause in (1_500, 700)
        for shortest, longest in (
            *((0, 30_000), (5_000, 30_000), (10_000, 30_000)),
            *((10_000, 20_000), (5_000, 15_000), (10_000, 15_000)),
        )
    ),
)
KINDS = ("unrelated", "read")


@dataclass(frozen=True, slots=True)
class Talk:
    """A transcript, and what may be asked about it: each of its sentences."""

    name: str
    kind: str
    transcript: Transcript
    questions: tuple[FilmQuestion, ...]


def measure(repetitions: int) -> Result:
    """Search all talks together by each setting; `repetitions` changes nothing."""
    embedder = Embedder.open(CACHE)
    documents = sorted((PROJECT / "docs").glob("*.md"))
    pages = [prose_paragraphs([each]) for each in documents if f"docs/{each.name}" not in PROSE]
    records = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    others = [
        prose_paragraphs(records[at : at + RECORDS]) for at in range(0, len(records), RECORDS)
    ]
    tried = _judged(_talks(pages, SEEDS), TRIED, embedder)
    held_out = _judged(_talks(others, HELD_OUT_SEEDS), (UNCUT, LENGTHS), embedder)
    return Result(
        name="film_passages",
        repetitions=repetitions,
        measured={},
        facts={"settings": tried, "held out": held_out},
        notes=(
            "Settings: talks of the pages of docs, seeds 821 to 828; a hit is right as in `film`.",
            "Held out: talks of decision records, seeds 901 to 908. Both change as the texts do.",
        ),
    )


def _judged(
    drawn: Iterable[Talk], settings: Sequence[PassageLengths], embedder: Embedder
) -> list[dict[str, Any]]:
    talks = list(drawn)
    places = grouped(each for talk in talks for each in talk.questions)[::ASKED_EVERY]
    return [_judged_by(talks, places, lengths, embedder) for lengths in settings]


def _judged_by(
    talks: Sequence[Talk],
    places: Sequence[tuple[FilmQuestion, ...]],
    lengths: PassageLengths,
    embedder: Embedder,
) -> dict[str, Any]:
    chunks = [(talk.name, chunk) for talk in talks for chunk in _chunks(talk, lengths, embedder)]
    asked = [each[0].query for each in places]
    with passage_engine("talks", chunks, asked, embedder) as made:
        outcomes = [(each, _first_hit(made, each[0].query)) for each in places]
    told: dict[str, Any] = {
        "pause_ms": lengths.pause_ms if lengths.pause_ms < NEVER else None,
        "min_ms": lengths.min_ms,
        "max_ms": lengths.max_ms if lengths.max_ms < NEVER else None,
        "passages": len(chunks),
    }
    kinds = {talk.name: talk.kind for talk in talks}
    for kind in KINDS:
        own = [(each, hit) for each, hit in outcomes if kinds[each[0].path] == kind]
        told[kind] = figures("said", own)
    return told


def _first_hit(made: Engine, query: str) -> dict[str, Any]:
    hit = made.find(made.searcher(), query)[0]
    return {"path": hit.document_id, "start_ms": hit.start_ms, "end_ms": hit.end_ms}


def _chunks(talk: Talk, lengths: PassageLengths, embedder: Embedder) -> Iterator[Chunk]:
    end_ms = talk.transcript.segments[-1].end_ms
    part = Part(part=1, first_page=1, pages=1, end_ms=end_ms, sound=True)
    page, times = speech_page(part, talk.transcript)
    yield from chunk_recording([page], [times], embedder.count_tokens, embedder.max_tokens, lengths)


def _talks(pages: Sequence[Sequence[Sequence[str]]], seeds: Sequence[int]) -> Iterator[Talk]:
    """Yield a talk of each kind for each seed; a page is its paragraphs of sentences."""
    every = [sentence for page in pages for paragraph in page for sentence in paragraph]
    readable = [page for page in pages if len(page) >= MIN_PARAGRAPHS]
    read = np.random.default_rng(seeds).permutation(len(readable))
    for seed, at in zip(seeds, read, strict=False):
        rng = np.random.default_rng(seed)
        drawn = [[every[number]] for number in rng.permutation(len(every))[:SENTENCES]]
        yield _talk(f"unrelated {seed}", KINDS[0], drawn, rng)
        yield _talk(f"read {seed}", KINDS[1], readable[at], rng)


def prose_paragraphs(paths: Iterable[Path]) -> list[list[str]]:
    """Return the paragraphs of Markdown files, each as its sentences."""
    blocks = [block for path in paths for block in re.split(r"\n\s*\n", path.read_text())]
    return [found for block in blocks if (found := prose_sentences(block))]


def _talk(
    name: str, kind: str, paragraphs: Sequence[Sequence[str]], rng: np.random.Generator
) -> Talk:
    """Return a talk with pauses of 0.2 to 0.9 s, and of 0.8 to 2.5 s between paragraphs."""
    said = [(number, each) for number, paragraph in enumerate(paragraphs) for each in paragraph]
    segments: list[SpeechSegment] = []
    questions: list[FilmQuestion] = []
    at = 1_000
    for _, paragraph in groupby(said[:SENTENCES], key=lambda each: each[0]):
        for _, sentence in paragraph:
            segment = spoken_segment(sentence, at)
            begin, end = segment.start_ms / 1000, segment.end_ms / 1000
            query = words_of(rng, sentence)
            questions.append(FilmQuestion("said", query, name, begin, end, sentence))
            segments.append(segment)
            at = segment.end_ms + int(rng.integers(200, 900))
        at = segments[-1].end_ms + int(rng.integers(800, 2_500))
    return Talk(name, kind, Transcript(language="en", segments=tuple(segments)), tuple(questions))


def spoken_segment(sentence: str, start_ms: int) -> SpeechSegment:
    """Return a sentence as it is said from `start_ms` on."""
    words = tuple(
        SpokenWord(
            text=f" {word}",
            start_ms=start_ms + number * (WORD_MS + GAP_MS),
            end_ms=start_ms + number * (WORD_MS + GAP_MS) + WORD_MS,
            probability=0.9,
        )
        for number, word in enumerate(sentence.split())
    )
    end_ms = words[-1].end_ms
    return SpeechSegment(start_ms=start_ms, end_ms=end_ms, text=sentence, words=words, speaker=1)
