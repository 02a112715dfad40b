"""The texts and pictures of calls and outputs, in order, and calls with other texts in their place.

What the caller instructs is `system`, and is screened as its own words; what a tool gave back is
nobody's that is trusted; the rest of what users said is input.
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
    TextPart,
    ToolResult,
)
from chalicelib.contracts.screening import Origin, OriginText


@dataclass(frozen=True, slots=True)
class Placed:
    """A text, who wrote it, and the field that it stands in."""

    text: str
    origin: Origin
    field: str

    def given(self) -> OriginText:
        """Return it as the screen is asked."""
        return OriginText(text=self.text, origin=self.origin)


def texts_of(call: Call) -> list[Placed]:
    """Return the texts of a call that say something."""
    return [placed for placed in _all_texts(call) if placed.text.strip()]


def pictures_of(call: Call) -> list[bytes]:
    """Return the pictures that a model is to look at."""
    if isinstance(call, EmbedCall | ClassifyCall):
        return [image.data for image in call.images]
    if not isinstance(call, ChatCall):
        return []
    parts = (part for message in call.messages for part in message.content)
    return [part.data for part in parts if isinstance(part, ImagePart)]


def with_texts(call: Call, texts: Sequence[str]) -> Call:
    """Return the call with `texts` in place of those that `texts_of` returned."""
    given = iter(texts)

    def new(text: str) -> str:
        return next(given) if text.strip() else text

    if isinstance(call, EmbedCall):
        return call.model_copy(update={"texts": tuple(map(new, call.texts))})
    if isinstance(call, ClassifyCall):
        labels, templates = (tuple(map(new, each)) for each in (call.labels, call.templates))
        return call.model_copy(update={"labels": labels, "templates": templates})
    if isinstance(call, ScoreCall):
        prompt = new(call.prompt)
        return call.model_copy(update={"prompt": prompt, "answers": tuple(map(new, call.answers))})
    if isinstance(call, ChatCall):
        system = new(call.system)
        messages = tuple(
            message.model_copy(
                update={"content": tuple(_with(part, new) for part in message.content)}
            )
            for message in call.messages
        )
        return call.model_copy(update={"system": system, "messages": messages})
    prompt = new(call.prompt)
    return call.model_copy(update={"prompt": prompt, "negative_prompt": new(call.negative_prompt)})


def output_texts(output: Output) -> tuple[list[str], frozenset[int]]:
    """Return the texts of an output, and which must stay as they are: arguments of tools."""
    if not isinstance(output, ChatOutput):
        return [], frozenset()
    texts = [output.text] if output.text.strip() else []
    arguments = [call.arguments for call in output.tool_calls if call.arguments.strip()]
    return [*texts, *arguments], frozenset(range(len(texts), len(texts) + len(arguments)))


def output_pictures(output: Output) -> list[bytes]:
    """Return the pictures of an output."""
    return list(output.images) if isinstance(output, ImageOutput) else []


def with_text(output: Output, text: str) -> Output:
    """Return a chat's output with another text."""
    return output.model_copy(update={"text": text})


def _all_texts(call: Call) -> Iterator[Placed]:
    if isinstance(call, EmbedCall):
        for at, text in enumerate(call.texts):
            yield Placed(text, "input", f"texts.{at}")
    elif isinstance(call, ClassifyCall):
        for at, label in enumerate(call.labels):
            yield Placed(label, "input", f"labels.{at}")
        for at, template in enumerate(call.templates):
            yield Placed(template, "input", f"templates.{at}")
    elif isinstance(call, ScoreCall):
        yield Placed(call.prompt, "input", "prompt")
        for at, answer in enumerate(call.answers):
            yield Placed(answer, "output", f"answers.{at}")
    elif isinstance(call, ChatCall):
        yield Placed(call.system, "instructions", "system")
        for at, message in enumerate(call.messages):
            yield from _of_message(message, at)
    else:
        yield Placed(call.prompt, "input", "prompt")
        yield Placed(call.negative_prompt, "input", "negative_prompt")


def _of_message(message: Message, at: int) -> Iterator[Placed]:
    said: Origin = "input" if message.role == "user" else "output"
    for part in message.content:
        if isinstance(part, TextPart):
            origin = "untrusted" if part.origin == "untrusted" else said
            yield Placed(part.text, origin, f"messages.{at}")
        elif isinstance(part, ToolResult):
            yield Placed(part.text, "untrusted", f"messages.{at}")


def _with(part: Part, new: Callable[[str], str]) -> Part:
    if isinstance(part, (TextPart, ToolResult)):
        return part.model_copy(update={"text": new(part.text)})
    return part
