"""Batch lines that name a stored prompt, rendered to the calls they stand for.

    {"id": "f", "prompt": {"name": "sum-up", "version": "production", "variables": {…}}}

A prompt is looked up once, when the first line names it, which pins its version: all lines that
name it the same way use that version, wherever its label points meanwhile. An error in a prompt is
reported for each line that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.batches.items import BatchItem
from chalicelib.contracts.batches import BatchOrder, PinnedPrompt, PromptUsed
from chalicelib.contracts.generations import ChatCall, Terms
from chalicelib.contracts.http import parsed
from chalicelib.contracts.prompt_lines import NamedPrompt, PromptLine
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.errors import InvalidInput, NotFound, Unsupported
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.variables import check_values

MAX_PROMPTS = 32
"""Prompts that the lines of a batch may name: all of them are held in memory."""
MAX_SECONDS = 300.0
"""The time limit of rendering all lines: the function has 900 s, and also reads and counts."""

PromptError = InvalidInput | Unsupported | NotFound


@dataclass(frozen=True, slots=True)
class _PinnedVersion:
    """A prompt version that was looked up and compiled."""

    version: PromptVersion
    prompt: CompiledPrompt

    @property
    def title(self) -> str:
        """Return the prompt's name in messages."""
        return f"{self.version.name}, version {self.version.version}"


@dataclass(slots=True)
class PromptRenderer:
    """Renders the lines of one batch that name a prompt.

    `look_up` returns the version of a prompt by a number, a label or `latest`, or raises
    `NotFound`;
    `fence` makes a new delimiter for each line. `clock` is monotonic, in seconds.
    """

    look_up: Callable[[str, str | int], PromptVersion]
    fence: Callable[[], str]
    clock: Callable[[], float]
    seconds: float = 0.0
    _known: dict[tuple[str, str | int], _PinnedVersion | PromptError] = field(default_factory=dict)

    @property
    def pinned(self) -> tuple[PinnedPrompt, ...]:
        """Return the prompts that lines named, with their versions."""
        return tuple(
            PinnedPrompt(name=name, wanted=str(wanted), version=known.version.version)
            for (name, wanted), known in self._known.items()
            if isinstance(known, _PinnedVersion)
        )

    def item(self, body: bytes, order: BatchOrder) -> BatchItem:
        """Return the item that a line renders to.

        Raises:
            InvalidInput: the line or a variable is invalid, or the template fails.
            NotFound: there is no such prompt or version.
            Unsupported: the prompt takes more than one call.
            Throttled, Transient: the prompt could not be looked up now.
        """
        line = parsed(body, PromptLine, plain=True)
        compiled = self._of(line.prompt)
        began = self.clock()
        try:
            return self._rendered(line, compiled, order)
        except InvalidInput as error:
            message = f"{compiled.title}: {error.message}"
            raise InvalidInput(message, field=error.field, limit=error.limit) from error
        finally:
            self.seconds += self.clock() - began

    def demand_time(self) -> None:
        """Raise `InvalidInput` if rendering has used up its time limit."""
        if self.seconds > MAX_SECONDS:
            raise InvalidInput(
                f"Rendering the prompts of the file takes more than {MAX_SECONDS:g} s; cut the "
                "file into several.",
                field="input",
                limit=f"{MAX_SECONDS:g}",
            )

    def _of(self, named: NamedPrompt) -> _PinnedVersion:
        key = (named.name, named.version)
        if key not in self._known:
            if len(self._known) >= MAX_PROMPTS:
                raise InvalidInput(
                    f"The lines of a batch name {MAX_PROMPTS} prompts at most.",
                    field="prompt",
                    limit=str(MAX_PROMPTS),
                )
            try:
                self._known[key] = _compile(self.look_up(*key))
            except (InvalidInput, Unsupported, NotFound) as error:
                self._known[key] = error
        compiled = self._known[key]
        if isinstance(compiled, _PinnedVersion):
            return compiled
        raise type(compiled)(compiled.message, field=compiled.field, limit=compiled.limit)

    def _rendered(self, line: PromptLine, compiled: _PinnedVersion, order: BatchOrder) -> BatchItem:
        content = compiled.version.content
        values = check_values(content.variables, line.prompt.variables, "prompt.variables")
        call = compiled.prompt.call(0, values, {}, self.fence())
        is_chat = isinstance(call, ChatCall)
        reasons = is_chat and content.turns[0].reasoning
        return BatchItem(
            line.id,
            "own",
            call,
            _terms(line, compiled.prompt.terms(0), order, is_chat=is_chat),
            keeps_truncated=line.allow_truncation,
            prompt=PromptUsed(name=compiled.version.name, version=compiled.version.version),
            reasons=reasons,
            output_schema=content.output_schema if reasons else None,
        )


def _compile(version: PromptVersion) -> _PinnedVersion:
    """Return a compiled version; raise `Unsupported` if it takes more than one call."""
    content, compiled = version.content, _PinnedVersion(version, CompiledPrompt(version.content))
    obstacle = f"asks {len(content.turns)} turns, one after another"
    if len(content.turns) == 1:
        obstacle = "has a verifier, which is a second call" if content.verifier is not None else ""
    if obstacle:
        raise Unsupported(
            f"{compiled.title} {obstacle}; a line of a batch is one call. Run it by "
            f"POST /v1/prompts/{version.name}/runs.",
            field="prompt",
        )
    return compiled


def _terms(line: PromptLine, prompt: Terms, order: BatchOrder, *, is_chat: bool) -> Terms:
    """Return which models may answer: as the line says, else by prompt and batch together.

    Of the two the stricter holds; a model that the prompt leaves open is the batch's.
    """
    checks = dict.fromkeys((*prompt.checks, *(order.checks if is_chat else ()), *line.checks))
    return Terms(
        model=line.model or (order.model if prompt.model == "auto" else prompt.model),
        quality=line.quality or max(prompt.quality, order.quality),
        service_tier=order.service_tier,
        budget=prompt.budget if line.budget is None else line.budget,
        checks=tuple(checks),
        fallback=(prompt.fallback and order.fallback) if line.fallback is None else line.fallback,
    )
