"""Lines that name a prompt, rendered to the calls that they come to.

    {"id": "f", "prompt": {"name": "sum-up", "version": "production", "variables": {…}}}

A prompt is looked up once, when the first line names it, and its version is pinned by that: all
lines that name it the same way are rendered by it, wherever its label points to meanwhile. What is
wrong with a prompt is told of each line that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.batches.lines import Item
from chalicelib.contracts.batches import BatchOrder, PinnedPrompt, PromptUsed
from chalicelib.contracts.generations import ChatCall, Terms
from chalicelib.contracts.http import parsed
from chalicelib.contracts.prompt_lines import NamedPrompt, PromptLine
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.errors import InvalidInput, NotFound, Unsupported
from chalicelib.prompting.rendering import Prompt
from chalicelib.prompting.variables import checked_values

MAX_PROMPTS = 32
"""Prompts that the lines of a batch may name: as many are held in memory."""
MAX_SECONDS = 300.0
"""What rendering all lines may take: the function has 900 s, and reads and counts beside it."""

Refused = InvalidInput | Unsupported | NotFound


@dataclass(frozen=True, slots=True)
class _Known:
    """A version that was looked up and compiled."""

    version: PromptVersion
    prompt: Prompt

    @property
    def title(self) -> str:
        """Return what it is called in messages."""
        return f"{self.version.name}, version {self.version.version}"


@dataclass(slots=True)
class Prompted:
    """The prompts of one batch. `look_up` returns the version of a prompt by a number, a label or
    `latest`, or raises `NotFound`; `fence` makes one up for each line.
    """

    look_up: Callable[[str, str | int], PromptVersion]
    fence: Callable[[], str]
    clock: Callable[[], float]
    seconds: float = 0.0
    _known: dict[tuple[str, str | int], _Known | Refused] = field(default_factory=dict)

    @property
    def pinned(self) -> tuple[PinnedPrompt, ...]:
        """Return the prompts that lines named, with their versions."""
        return tuple(
            PinnedPrompt(name=name, wanted=str(wanted), version=known.version.version)
            for (name, wanted), known in self._known.items()
            if isinstance(known, _Known)
        )

    def item(self, body: bytes, order: BatchOrder) -> Item:
        """Return the item that a line comes to.

        Raises:
            InvalidInput: the line is none, a variable is wrong, or the template breaks off.
            NotFound: there is no such prompt or version.
            Unsupported: the prompt takes more than one call.
            Throttled, Transient: the prompt could not be looked up now.
        """
        line = parsed(body, PromptLine, plain=True)
        known = self._of(line.prompt)
        began = self.clock()
        try:
            return self._rendered(line, known, order)
        except InvalidInput as error:
            told = f"{known.title}: {error.message}"
            raise InvalidInput(told, field=error.field, limit=error.limit) from error
        finally:
            self.seconds += self.clock() - began

    def demand_time(self) -> None:
        """Raise `InvalidInput` where rendering has taken all the time that there is for it."""
        if self.seconds > MAX_SECONDS:
            raise InvalidInput(
                f"Rendering the prompts of the file takes more than {MAX_SECONDS:g} s; cut the "
                "file into several.",
                field="input",
                limit=f"{MAX_SECONDS:g}",
            )

    def _of(self, named: NamedPrompt) -> _Known:
        key = (named.name, named.version)
        if key not in self._known:
            if len(self._known) >= MAX_PROMPTS:
                raise InvalidInput(
                    f"The lines of a batch name {MAX_PROMPTS} prompts at most.",
                    field="prompt",
                    limit=str(MAX_PROMPTS),
                )
            try:
                self._known[key] = _known(self.look_up(*key))
            except (InvalidInput, Unsupported, NotFound) as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, _Known):
            return known
        raise type(known)(known.message, field=known.field, limit=known.limit)

    def _rendered(self, line: PromptLine, known: _Known, order: BatchOrder) -> Item:
        content = known.version.content
        values = checked_values(content.variables, line.prompt.variables, "prompt.variables")
        call = known.prompt.call(0, values, {}, self.fence())
        is_chat = isinstance(call, ChatCall)
        reasons = is_chat and content.turns[0].reasoning
        return Item(
            line.id,
            "own",
            call,
            _terms(line, known.prompt.terms(0), order, is_chat=is_chat),
            keeps_truncated=line.allow_truncation,
            prompt=PromptUsed(name=known.version.name, version=known.version.version),
            reasons=reasons,
            output_schema=content.output_schema if reasons else None,
        )


def _known(version: PromptVersion) -> _Known:
    """Return a version, compiled; raise `Unsupported` where it takes more than one call."""
    content, known = version.content, _Known(version, Prompt(version.content))
    asks = f"asks {len(content.turns)} turns, one after another"
    if len(content.turns) == 1:
        asks = "has a verifier, which is a second call" if content.verifier is not None else ""
    if asks:
        raise Unsupported(
            f"{known.title} {asks}; a line of a batch is one call. Run it by "
            f"POST /v1/prompts/{version.name}/runs.",
            field="prompt",
        )
    return known


def _terms(line: PromptLine, of: Terms, order: BatchOrder, *, is_chat: bool) -> Terms:
    """Return which models may answer: as the line says, or else the prompt and the batch together.

    Of the two the stricter holds; a model that the prompt leaves open is the batch's.
    """
    checks = dict.fromkeys((*of.checks, *(order.checks if is_chat else ()), *line.checks))
    return Terms(
        model=line.model or (order.model if of.model == "auto" else of.model),
        quality=line.quality or max(of.quality, order.quality),
        service_tier=order.service_tier,
        budget=of.budget if line.budget is None else line.budget,
        checks=tuple(checks),
        fallback=(of.fallback and order.fallback) if line.fallback is None else line.fallback,
    )
