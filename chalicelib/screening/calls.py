"""The texts and pictures of calls and outputs, and how to put other texts in their place.

The caller's own instructions are `system`, and are screened as such; results of tools are
untrusted; all other text of users is input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    ClassifyCall,
    EmbedCall,
    ImageOutput,
    ImagePart,
    Message,
    Output,
    Part,
    ScoreCall,
    TagCall,
    TextPart,
    ToolResult,
)
from chalicelib.contracts.screening import Origin, OriginText
from chalicelib.contracts.speech import SpeechSegment, TranscribeCall, TranscribeOutput


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A text, who wrote it, and the field that holds it."""

    text: str
    origin: Origin
    field: str

    def given(self) -> OriginText:
        """Return it in the form that the screen takes."""
        return OriginText(text=self.text, origin=self.origin)


def call_texts(call: Call) -> list[PlacedText]:
    """Return the texts of a call that are not blank."""
    return [placed for placed in _all_texts(call) if placed.text.strip()]


def call_pictures(call: Call) -> list[bytes]:
    """Return the pictures in a call."""
    if isinstance(call, EmbedCall | ClassifyCall):
        return [image.data for image in call.images]
    if not isinstance(call, ChatCall):
        return []
    parts = (part for message in call.messages for part in message.content)
    return [part.data for part in parts if isinstance(part, ImagePart)]


def with_texts(call: Call, texts: Sequence[str]) -> Call:
    """Return the call with `texts` in place of those that `call_texts` returned."""
    given = iter(texts)

    def new(text: str) -> str:
        return next(given) if text.strip() else text

    if isinstance(call, EmbedCall | TagCall):
        return call.model_copy(update={"texts": tuple(map(new, call.texts))})
    if isinstance(call, ClassifyCall):
        given_texts = (call.texts, call.labels, call.templates)
        own, labels, templates = (tuple(map(new, each)) for each in given_texts)
        return call.model_copy(update={"texts": own, "labels": labels, "templates": templates})
    if isinstance(call, ScoreCall):
        prompt = new(call.prompt)
        return call.model_copy(update={"prompt": prompt, "answers": tuple(map(new, call.answers))})
    if isinstance(call, ChatCall):
        system = new(call.system)
        messages = tuple(
            message.model_copy(
                update={"content": tuple(_replace_text(part, new) for part in message.content)}
            )
            for message in call.messages
        )
        return call.model_copy(update={"system": system, "messages": messages})
    if isinstance(call, TranscribeCall):
        return call.model_copy(update={"prompt": new(call.prompt)})
    prompt = new(call.prompt)
    return call.model_copy(update={"prompt": prompt, "negative_prompt": new(call.negative_prompt)})


def output_texts(output: Output) -> tuple[list[str], frozenset[int]]:
    """Return the texts of an output, and the numbers of those that cannot be masked.

    Arguments of tools must stay as they are.
    """
    if isinstance(output, TranscribeOutput):
        return [text] if (text := output.transcript.text).strip() else [], frozenset()
    if not isinstance(output, ChatOutput):
        return [], frozenset()
    texts = [output.text] if output.text.strip() else []
    arguments = [call.arguments for call in output.tool_calls if call.arguments.strip()]
    return [*texts, *arguments], frozenset(range(len(texts), len(texts) + len(arguments)))


def output_pictures(output: Output) -> list[bytes]:
    """Return the pictures in an output."""
    return list(output.images) if isinstance(output, ImageOutput) else []


def with_text(output: Output, text: str) -> Output:
    """Return a chat, or what is said in a recording, with another text.

    Of speech that is one segment without words, as no time of a word would still be that of its
    text.
    """
    if isinstance(output, TranscribeOutput):
        said = output.transcript.segments
        segment = SpeechSegment(start_ms=said[0].start_ms, end_ms=said[-1].end_ms, text=text)
        transcript = output.transcript.model_copy(update={"segments": (segment,)})
        return TranscribeOutput(transcript=transcript)
    return output.model_copy(update={"text": text})


def _all_texts(call: Call) -> Iterator[PlacedText]:
    if isinstance(call, EmbedCall | TagCall):
        yield from _numbered("texts", call.texts)
    elif isinstance(call, ClassifyCall):
        yield from _numbered("texts", call.texts)
        yield from _numbered("labels", call.labels)
        yield from _numbered("templates", call.templates)
    elif isinstance(call, ScoreCall):
        yield PlacedText(call.prompt, "input", "prompt")
        for at, answer in enumerate(call.answers):
            yield PlacedText(answer, "output", f"answers.{at}")
    elif isinstance(call, ChatCall):
        yield PlacedText(call.system, "instructions", "system")
        for at, message in enumerate(call.messages):
            yield from _message_texts(message, at)
    elif isinstance(call, TranscribeCall):
        yield PlacedText(call.prompt, "input", "prompt")
    else:
        yield PlacedText(call.prompt, "input", "prompt")
        yield PlacedText(call.negative_prompt, "input", "negative_prompt")


def _numbered(field: str, texts: Sequence[str]) -> Iterator[PlacedText]:
    for at, text in enumerate(texts):
        yield PlacedText(text, "input", f"{field}.{at}")


def _message_texts(message: Message, at: int) -> Iterator[PlacedText]:
    said: Origin = "input" if message.role == "user" else "output"
    for part in message.content:
        if isinstance(part, TextPart):
            origin = "untrusted" if part.origin == "untrusted" else said
            yield PlacedText(part.text, origin, f"messages.{at}")
        elif isinstance(part, ToolResult):
            yield PlacedText(part.text, "untrusted", f"messages.{at}")


def _replace_text(part: Part, new: Callable[[str], str]) -> Part:
    if isinstance(part, (TextPart, ToolResult)):
        return part.model_copy(update={"text": new(part.text)})
    return part
