"""Chat templates: a conversation as the text that a model was trained to read.

A template is Jinja, as tokenizers of Hugging Face's layout have it: it takes `messages`, and with
`add_generation_prompt` it ends where the model's answer begins. It runs in Jinja's sandbox, with
the functions that transformers gives it and no others. Training and serving use this one module, so
that a model reads what it learned from.
https://huggingface.co/docs/transformers/chat_templating_writing
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.tokenizers import check_unicode

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Tokenizer

Messages = Sequence[Mapping[str, str]]
"""Messages with `role` and `content`; a system message stands first, if there is one."""

_MAX_RENDERED = 500_000
_PLACEHOLDER = "\ue000"


@dataclass(frozen=True)
class ChatTemplate:
    """A template and the marks that it may name, such as `bos_token`."""

    source: str
    marks: Mapping[str, str]

    def render(self, messages: Messages, *, prompt: bool) -> str:
        """Return the text of a conversation; with `prompt` it ends where an answer begins.

        Raises:
            InvalidInput: the template refuses the messages, such as a system message.
            ModelFailure: the template is broken, or tries to leave its sandbox.
        """
        from jinja2 import TemplateError
        from jinja2.exceptions import SecurityError

        try:
            text = self._template.render(
                **self.marks,
                messages=[dict(message) for message in messages],
                add_generation_prompt=prompt,
                tools=None,
                documents=None,
            )
        except SecurityError as error:
            raise ModelFailure(
                f"The model's chat template asks for what none may use: {error}"
            ) from error
        except TemplateError as error:
            raise InvalidInput(
                f"The model's chat template refuses these messages: {error}", field="messages"
            ) from error
        except Exception as error:  # a template can raise whatever Python does
            raise ModelFailure(f"The model's chat template fails: {error!r}") from error
        if len(text) > _MAX_RENDERED:
            raise InvalidInput(
                f"The messages make a text of {len(text)} characters.",
                field="messages",
                limit=f"{_MAX_RENDERED} characters",
            )
        return text

    @cached_property
    def _template(self) -> Template:
        from jinja2 import TemplateError, nodes
        from jinja2.ext import Extension, loopcontrols
        from jinja2.parser import Parser
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class GenerationBlock(Extension):
            """`{% generation %}`, which marks answers for training, as what is inside it."""

            tags = {"generation"}  # noqa: RUF012 - as the base class has it

            def parse(self, parser: Parser) -> list[nodes.Node]:
                next(parser.stream)
                return parser.parse_statements(("name:endgeneration",), drop_needle=True)

        def refuse(message: object) -> None:
            raise TemplateError(str(message))

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            extensions=[GenerationBlock, loopcontrols],
        )
        environment.filters["tojson"] = _as_json
        environment.globals["raise_exception"] = refuse
        environment.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
        try:
            return environment.from_string(self.source)
        except TemplateError as error:
            raise ModelFailure(f"The model's chat template is invalid: {error}") from error


def _as_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Return JSON without the escapes that Jinja's own filter makes for HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


class ChatTokenizer:
    """Tokenizes conversations. Marks of the template become the model's special tokens, and a
    caller's text never does.
    """

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate) -> None:
        """Use a tokenizer without its truncation and padding, and a template."""
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._template = template
        added = tokenizer.get_added_tokens_decoder().values()
        marks = sorted((token.content for token in added if token.special), key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, marks)) or r"(?!)")

    def prompt(self, messages: Messages) -> list[int]:
        """Return the tokens that the model answers.

        Raises:
            InvalidInput: a message is invalid Unicode, or the template refuses them.
            ModelFailure: the template is broken.
        """
        for message in messages:
            check_unicode(message["content"], "messages")
        if not any(self._marks.search(message["content"]) for message in messages):
            return self.marked_ids(self._template.render(messages, prompt=True))
        return self._guarded(messages)

    def marked_ids(self, text: str) -> list[int]:
        """Return the tokens of a rendered text, whose marks are special tokens."""
        self._tokenizer.encode_special_tokens = False
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def marked_offsets(self, text: str) -> list[tuple[int, tuple[int, int]]]:
        """Return the tokens of a rendered text with start and end of each, in characters."""
        self._tokenizer.encode_special_tokens = False
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return list(zip(found.ids, found.offsets, strict=True))

    def next_mark(self, text: str, start: int) -> int | None:
        """Return where the first mark at or after `start` ends, or None if there is none."""
        found = self._marks.search(text, start)
        return found.end() if found else None

    def plain_ids(self, text: str) -> list[int]:
        """Return the tokens of a text none of which is special, whatever it looks like."""
        self._tokenizer.encode_special_tokens = True
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without special ones."""
        return str(self._tokenizer.decode(list(ids)))

    def _guarded(self, messages: Messages) -> list[int]:
        """Return the tokens of messages in which somebody wrote what looks like a mark."""
        if any(_PLACEHOLDER in message["content"] for message in messages):
            raise InvalidInput(
                "The messages have both a mark of the model and the character U+E000; leave one"
                " out.",
                field="messages",
            )
        hidden = [
            {**message, "content": self._marks.sub(_broken_mark, message["content"])}
            for message in messages
        ]
        text = self._template.render(hidden, prompt=True)
        ids: list[int] = []
        end = 0
        for mark in self._marks.finditer(text):
            ids += self.plain_ids(text[end : mark.start()].replace(_PLACEHOLDER, ""))
            ids += self.marked_ids(mark.group())
            end = mark.end()
        return ids + self.plain_ids(text[end:].replace(_PLACEHOLDER, ""))


def _broken_mark(found: re.Match[str]) -> str:
    mark = found.group()
    return f"{mark[0]}{_PLACEHOLDER}{mark[1:]}"
