"""Search inside films by text: what is said, written or shown, and whether its time is right.

Films are put together by a seed from photographs that are panned, slides of real prose, and spoken
sentences with known times; a search looks through all of them at once.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, running_cloud
from benchmarks.shares import wilson
from tests.media_files import encode

PROJECT = Path(__file__).resolve().parent.parent
PHOTOGRAPHS = PROJECT / "tests" / "data" / "pictures"
CLIPS = PROJECT / "build" / "speech" / "clips"
"""Spoken sentences, as `benchmarks/speech/synthesis.py` writes them: `NAME.wav` and `NAME.json`."""
PROSE = ("docs/operating.md", "docs/safety.md", "docs/search.md")
SEEDS = (901, 902, 903, 904)
SHOTS, WIDTH, HEIGHT, FPS = 10, 640, 360, 25
SOUND_RATE = 24_000
PATIENCE_S = 300.0
COLLECTION = "films"
KINDS = ("said", "written", "shown")
_MARKUP = re.compile(r"```.*?```|\|[^\n]*|[`*#>\[\]()]|https?:\S+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]{4,}")


@dataclass(frozen=True, slots=True)
class FilmQuestion:
    """A query, and the film and the seconds in which its answer is said, written or shown.

    `subject` is the sentence or the photograph that is meant: another film may have it, too.
    """

    kind: str
    query: str
    path: str
    start_s: float
    end_s: float
    subject: str = ""


@dataclass(frozen=True, slots=True)
class _Clip:
    text: str
    samples: np.ndarray[Any, np.dtype[np.int16]]
    begins_s: float


def measure(repetitions: int) -> Result:
    """Ingest the films into a local cloud, and search for what is in each."""
    clips = _clips()
    took: list[float] = []
    with running_cloud() as caller, tempfile.TemporaryDirectory() as folder:
        questions: list[FilmQuestion] = []
        for seed in SEEDS[: max(1, min(repetitions, len(SEEDS)))]:
            path = Path(folder) / f"{seed}.mp4"
            questions += _make_film(seed, clips, path)
            took.append(_ingested(caller, path))
        outcomes = [(places, _first_hit(caller, places[0].query)) for places in grouped(questions)]
    facts = {kind: figures(kind, outcomes) for kind in KINDS}
    return Result(
        name="film",
        repetitions=repetitions,
        measured={"seconds until a film is ready": spread(took, "s")},
        facts={name: found for name, found in facts.items() if found},
        notes=(
            f"Seeds {', '.join(map(str, SEEDS))}; first hit of a search through all films.",
            "Right: the hit is of a film that has it, and overlaps its seconds; Wilson's 95 %.",
            "What several films have is asked for once, and right in each of them.",
        ),
    )


def grouped(questions: Iterable[FilmQuestion]) -> list[tuple[FilmQuestion, ...]]:
    """Return the places of each subject, of one kind and with one set of words, together."""
    found: dict[tuple[str, str, tuple[str, ...]], list[FilmQuestion]] = {}
    for each in questions:
        key = (each.kind, each.subject, tuple(sorted(each.query.split())))
        found.setdefault(key, []).append(each)
    return [tuple(places) for places in found.values()]


def figures(
    kind: str, outcomes: Sequence[tuple[Sequence[FilmQuestion], dict[str, Any] | None]]
) -> dict[str, Any]:
    """Return the share of the questions of a kind whose first hit is right, and its length."""
    own = [(places, hit) for places, hit in outcomes if places[0].kind == kind]
    if not own:
        return {}
    right = [
        hit
        for places, hit in own
        if hit is not None and any(overlaps(place, hit) for place in places)
    ]
    low, high = wilson(len(right), len(own))
    hits = [(hit["end_ms"] - hit["start_ms"]) / 1000 for hit in right]
    return {
        "questions": len(own),
        "right": len(right),
        "share": round(len(right) / len(own), 3),
        "interval": [round(low, 3), round(high, 3)],
        "median seconds of a hit": round(median(hits), 1) if hits else None,
        "median seconds of the truth": round(
            median(place.end_s - place.start_s for places, _ in own for place in places), 1
        ),
    }


def overlaps(question: FilmQuestion, hit: dict[str, Any]) -> bool:
    """Return whether a hit is of the question's film, within the true seconds."""
    if hit["path"] != question.path or "start_ms" not in hit:
        return False
    return bool(hit["start_ms"] < question.end_s * 1000 and hit["end_ms"] > question.start_s * 1000)


def _clips() -> list[_Clip]:
    found = []
    for file in sorted(CLIPS.glob("*.wav")):
        facts = json.loads(file.with_suffix(".json").read_text())
        with wave.open(str(file), "rb") as opened:
            samples = np.frombuffer(opened.readframes(opened.getnframes()), np.int16)
        if len(_WORD.findall(facts["text"])) >= 3 and facts["starts_s"]:
            found.append(_Clip(facts["text"], samples, facts["starts_s"][0]))
    return found


def _make_film(seed: int, clips: Sequence[_Clip], path: Path) -> list[FilmQuestion]:
    rng = np.random.default_rng(seed)
    pictures, slides = _pictures(rng), _slides(rng)
    frames: list[Image.Image] = []
    questions: list[FilmQuestion] = []
    for number in range(SHOTS):
        count = int(rng.integers(4 * FPS, 9 * FPS))
        begin = len(frames) / FPS
        end = begin + count / FPS
        if number % 2:
            image, query = next(slides)
            frames += [image] * count
            questions.append(FilmQuestion("written", query, path.name, begin, end))
        else:
            image, queries, name = next(pictures)
            frames += list(_panned(image, count, rng))
            questions += [
                FilmQuestion("shown", each, path.name, begin, end, name) for each in queries
            ]
    sound, said = _speech(rng, clips, len(frames) / FPS, path.name)
    _encode(frames, sound, path)
    return [*questions, *said]


def _pictures(rng: np.random.Generator) -> Iterator[tuple[Image.Image, list[str], str]]:
    """Yield photographs whose class the labeller knows, with their queries and their names."""
    asked = json.loads((PHOTOGRAPHS / "questions.json").read_text())
    names = sorted({each["picture"] for each in asked if each["known"]})
    for name in rng.permutation(names):
        queries = [each["query"] for each in asked if each["picture"] == name]
        image = Image.open(PHOTOGRAPHS / str(name)).convert("RGB").resize((800, 450))
        yield image, queries, str(name)


def _slides(rng: np.random.Generator) -> Iterator[tuple[Image.Image, str]]:
    """Yield slides of a sentence of prose, each with four of its longest words as query."""
    sentences = [each for name in PROSE for each in prose_sentences((PROJECT / name).read_text())]
    font = ImageFont.load_default(26)
    for at in rng.permutation(len(sentences)):
        words = sentences[at].split()
        lines = [" ".join(words[first : first + 6]) for first in range(0, len(words), 6)]
        image = Image.new("RGB", (WIDTH, HEIGHT), "white")
        ImageDraw.Draw(image).multiline_text((40, 60), "\n".join(lines), "black", font, spacing=14)
        yield image, words_of(rng, sentences[at])


def prose_sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text that are neither short nor long, without marks."""
    return [
        " ".join(each.split())
        for each in re.split(r"(?<=[.!?])\s", _MARKUP.sub(" ", text))
        if 6 <= len(_WORD.findall(each)) <= 14 and len(each) < 110
    ]


def words_of(rng: np.random.Generator, text: str) -> str:
    """Return four of the longest words of a text, in any order."""
    longest = sorted(set(_WORD.findall(text.lower())), key=lambda word: (-len(word), word))[:4]
    return " ".join(rng.permutation(longest))


def _panned(image: Image.Image, count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    right, down = image.width - WIDTH, image.height - HEIGHT
    speed = rng.uniform(0.2, 1.0)
    for number in range(count):
        left, top = round(right * speed * number / count), round(down * speed * number / count)
        yield image.crop((left, top, left + WIDTH, top + HEIGHT))


def _speech(
    rng: np.random.Generator, clips: Sequence[_Clip], seconds: float, path: str
) -> tuple[np.ndarray[Any, np.dtype[np.int16]], list[FilmQuestion]]:
    """Return the sound of a film, sentences with pauses between, and what is asked about it."""
    sound = np.zeros(int(seconds * SOUND_RATE), np.int16)
    questions: list[FilmQuestion] = []
    at = 1.0
    for number in rng.permutation(len(clips)):
        clip = clips[number]
        length = len(clip.samples) / SOUND_RATE
        if at + length > seconds:
            break
        first = int(at * SOUND_RATE)
        sound[first : first + len(clip.samples)] = clip.samples[: len(sound) - first]
        query = words_of(rng, clip.text)
        begin, end = at + clip.begins_s, at + length
        questions.append(FilmQuestion("said", query, path, begin, end, clip.text))
        at += length + rng.uniform(0.8, 2.5)
    return sound, questions


def _encode(
    frames: Sequence[Image.Image], sound: np.ndarray[Any, np.dtype[np.int16]], path: Path
) -> None:
    raw, wav = path.with_suffix(".rgb"), path.with_suffix(".wav")
    with raw.open("wb") as file:
        for frame in frames:
            file.write(frame.tobytes())
    with wave.open(str(wav), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(SOUND_RATE)
        opened.writeframes(sound.tobytes())
    size = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS))
    codecs = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    encode(path, *size, "-i", str(raw), "-i", str(wav), *codecs)
    raw.unlink()


def _ingested(caller: Caller, path: Path) -> float:
    began = time.perf_counter()
    content = path.read_bytes()
    announced = caller.announce(path.name, content, COLLECTION)
    caller.post(announced, content)
    caller.settled(announced["document_id"], PATIENCE_S)
    return time.perf_counter() - began


def _first_hit(caller: Caller, query: str) -> dict[str, Any] | None:
    answer = caller.api.post("/v1/search", json={"query": query, "collection": COLLECTION})
    answer.raise_for_status()
    hits: list[dict[str, Any]] = answer.json()["hits"]
    return hits[0] if hits else None
