"""Recognition of a recording: speech is found, written down, and each word timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from chalicelib.errors import InvalidInput
from chalicelib.inference.speech.alignment import TimedWord, word_times
from chalicelib.inference.speech.deadline import NO_DEADLINE, SpeechDeadline
from chalicelib.inference.speech.decoder import DecodedText, decode, detect_language
from chalicelib.inference.speech.mel import Samples
from chalicelib.inference.speech.tokens import TIME_STEP_MS
from chalicelib.inference.speech.voice_activity import Interval, VoiceActivity
from chalicelib.inference.speech.whisper import MODEL, DecoderState, WhisperModel
from chalicelib.inference.speech.windows import SpeechWindow, windows

_MIN_REST_MS = 1_000
"""The rest of a window, behind the end of its text, from which on it is recognised again."""


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A stretch of text between two times, in milliseconds of the recording, with its words."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[TimedWord, ...]
    decoded: DecodedText


@dataclass(frozen=True, slots=True)
class RecognisedSpeech:
    """Transcript of a recording; `language` is "" if nobody speaks."""

    language: str
    language_probability: float
    segments: tuple[SpokenSegment, ...]
    speech: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """Options of a transcription.

    `language` is a code of Whisper's, such as "en", or "" to detect it. `translate` asks for
    English. `prompt` is a text in whose style and with whose names it is written. At a
    `temperature` above 0 tokens are drawn by chance, of the same seed each time.
    """

    language: str = ""
    translate: bool = False
    prompt: str = ""
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechRecogniser:
    """Silero VAD and a Whisper."""

    activity: VoiceActivity
    model: WhisperModel
    name: str = field(default=MODEL)

    @classmethod
    def open(cls, models_dir: Path | str, name: str = MODEL) -> Self:
        """Return the models in `models_dir`. Raises `ModelFailure` if one is not there."""
        return cls(VoiceActivity.open(models_dir), WhisperModel.open(models_dir, name), name)

    def recognise(
        self, recording: Samples, request: SpeechRequest, deadline: SpeechDeadline = NO_DEADLINE
    ) -> RecognisedSpeech:
        """Return what is said in a recording. Only speech reaches the model that writes.

        Raises:
            DeadlineExceeded: it takes too long; checked before each window and each token.
            InvalidInput: the language is none of the model's.
            ModelFailure: a model could not be opened or run.
        """
        language, probability = request.language, 1.0
        if language and language not in self.model.tokens.languages:
            raise InvalidInput(
                f"{self.name} does not know the language {language!r}; it knows"
                f" {', '.join(sorted(self.model.tokens.languages))}.",
                field="language",
            )
        speech = self.activity.speech(recording)
        prompt = self.model.tokens.ids(f" {request.prompt.strip()}") if request.prompt else []
        segments: list[SpokenSegment] = []
        for window in windows(speech):
            deadline.check()
            state = self.model.encode(window.sound(recording))
            if not language:
                language, probability = detect_language(self.model, state)
            listener = _Listener(self.model, recording, language, request, prompt, deadline)
            segments.extend(listener.segments(window, state))
        return RecognisedSpeech(
            language if segments or request.language else "",
            probability,
            tuple(segments),
            tuple(speech),
        )


@dataclass(frozen=True, slots=True)
class _Listener:
    """A model that writes down the windows of one recording."""

    model: WhisperModel
    recording: Samples
    language: str
    request: SpeechRequest
    prompt: Sequence[int]
    deadline: SpeechDeadline

    def segments(self, window: SpeechWindow, state: DecoderState) -> Iterator[SpokenSegment]:
        """Yield the segments of a window; what is left of it is heard again, on its own."""
        tokens = self.model.tokens
        task = tokens.translate if self.request.translate else tokens.transcribe
        marks = [tokens.start, tokens.languages[self.language], task]
        while True:
            decoded = decode(
                self.model, state, marks, self.prompt, self.deadline, self.request.temperature
            )
            if not decoded.is_speech:
                return
            said = _stretches(decoded.tokens, tokens.first_time, window.duration_ms)
            yield from self._timed(window, state, marks, decoded, said)
            heard_ms = said[-1].end_ms if said else window.duration_ms
            if window.duration_ms - heard_ms < _MIN_REST_MS or heard_ms < _MIN_REST_MS:
                return
            window = window.after(heard_ms)
            state = self.model.encode(window.sound(self.recording))

    def _timed(
        self,
        window: SpeechWindow,
        state: DecoderState,
        marks: Sequence[int],
        decoded: DecodedText,
        said: Sequence[_Stretch],
    ) -> Iterator[SpokenSegment]:
        by_stretch = [self.model.tokens.words(each.tokens, self.language) for each in said]
        flat = [word for words in by_stretch for word in words]
        timed = iter(word_times(self.model, state, marks, flat, window.duration_ms))
        for stretch, words in zip(said, by_stretch, strict=True):
            placed = tuple(_placed(window, next(timed)) for _ in words)
            text = self.model.tokens.text(stretch.tokens).strip()
            if text and placed:
                start, end = placed[0].start_ms, max(placed[-1].end_ms, placed[0].start_ms)
                yield SpokenSegment(start, end, text, placed, decoded)


def _placed(window: SpeechWindow, word: TimedWord) -> TimedWord:
    """Return a word with its time in the recording."""
    start, end = window.placed(word.start_ms, word.end_ms)
    return replace(word, start_ms=start, end_ms=end)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Tokens of text between two times of a window."""

    tokens: tuple[int, ...]
    end_ms: int


def _stretches(tokens: Sequence[int], first_time: int, duration_ms: int) -> list[_Stretch]:
    """Return the text between each two times; what has no time behind it ends with the window."""
    found: list[_Stretch] = []
    text: list[int] = []
    for token in tokens:
        if token < first_time:
            text.append(token)
        elif text:
            found.append(_Stretch(tuple(text), (token - first_time) * TIME_STEP_MS))
            text = []
    if text:
        found.append(_Stretch(tuple(text), duration_ms))
    return found
