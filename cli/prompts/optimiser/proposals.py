"""Proposals without a model that reflects: instructions of a list, and examples that went well.

Examples: O. Khattab et al., DSPy, https://arxiv.org/abs/2310.03714 (BootstrapFewShot). Reading the
question twice: X. Xu et al., https://arxiv.org/abs/2309.06275. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.contracts.prompts import (
    MAX_EXAMPLES,
    MAX_TEMPLATE_CHARACTERS,
    PromptContent,
    PromptExample,
)
from chalicelib.errors import InvalidInput
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.validation import check_prompt

HAND_WRITTEN = "hand-written"
SHOTS = (2, 4)
"""Examples of a proposal that has some."""

INSTRUCTIONS: Mapping[str, str] = {
    "only": "{template}\n\nGive the answer only, without an explanation.",
    "form": "{template}\n\nKeep exactly to the form that is asked for.",
    "careful": "Read the following carefully, and take everything from it that matters.\n\n"
    "{template}",
    "twice": "{template}\n\nRead the question again:\n{template}",
}
"""Changes to the template of the last turn."""
ROLES: Mapping[str, str] = {
    "expert": "You are an expert in exactly this task, and you make no mistakes.",
    "program": "You are a program: you write results, and nothing else.",
}
"""Roles for a prompt that has none."""


@dataclass(frozen=True, slots=True)
class PromptProposal:
    """A prompt that may be better than the one it was made of, and how it was made."""

    name: str
    content: PromptContent


@dataclass(frozen=True, slots=True)
class WorkedCase:
    """A case with an answer that its graders pass."""

    case: SuiteCase
    output: str


def propose(
    content: PromptContent,
    worked: Sequence[WorkedCase],
    count: int,
    seed: int,
    instructions: Sequence[str] = (),
) -> tuple[PromptProposal, ...]:
    """Return `count` proposals at most, the hand-written prompt first; the same for a seed.

    `instructions` are templates of the caller's own for the last turn; they are never left out.
    A change that makes an invalid prompt is left out.

    Raises:
        InvalidInput: a template among `instructions` is not valid, or loses a variable.
    """
    written = [PromptProposal(HAND_WRITTEN, content)]
    for number, template in enumerate(instructions, start=1):
        own = _with_template(content, template)
        check_prompt(own)
        require_variables(content, own)
        written.append(PromptProposal(f"your instruction {number}", own))
    changed = list(_changed(content))
    rng = random.Random(seed)  # noqa: S311 - chooses proposals, guards nothing
    shot = [
        PromptProposal(_joined(base.name, f"{len(chosen)} examples, draw {draw}"), made)
        for base in (*written, *changed)
        for draw, chosen in enumerate(_draws(worked, rng), start=1)
        if (made := with_examples(base.content, chosen)) is not None
    ]
    # Each kind of change is there once before any is combined with another.
    plain_shots = [each for each in shot if each.name.startswith(f"{HAND_WRITTEN}, ")]
    others = [each for each in shot if each not in plain_shots]
    rng.shuffle(others)
    pool = (*written, *_interleaved(plain_shots, changed), *others)
    distinct = {each.content.model_dump_json(): each for each in reversed(pool)}
    kept = [each for each in pool if distinct[each.content.model_dump_json()] is each]
    return tuple(kept[: max(count, len(written))])


def require_variables(before: PromptContent, after: PromptContent) -> None:
    """Raise `InvalidInput` if a turn no longer uses a variable that it used."""
    old, new = CompiledPrompt(before).turns, CompiledPrompt(after).turns
    for turn, was, now in zip(before.turns, old, new, strict=True):
        lost = sorted(was.names - now.names)
        if lost:
            raise InvalidInput(
                f"The template of {turn.name} has to use {{{{ {lost[0]} }}}}.", field="turns"
            )


def with_examples(content: PromptContent, worked: Sequence[WorkedCase]) -> PromptContent | None:
    """Return a prompt of one turn with worked cases as its examples.

    None is returned for a prompt that has examples, several turns or a turn that thinks: examples
    of answers alone would teach it not to think, and those of later turns need earlier answers.
    """
    turn = content.turns[-1]
    if len(content.turns) > 1 or turn.examples or turn.reasoning or not worked:
        return None
    names = CompiledPrompt(content).turns[-1].names
    examples = tuple(
        PromptExample(
            variables={name: value for name, value in each.case.variables.items() if name in names},
            output=each.output,
        )
        for each in worked[:MAX_EXAMPLES]
    )
    return _valid(
        content.model_copy(update={"turns": (turn.model_copy(update={"examples": examples}),)})
    )


def _changed(content: PromptContent) -> Iterator[PromptProposal]:
    last = content.turns[-1].template
    for name, change in INSTRUCTIONS.items():
        made = _valid(_with_template(content, change.format(template=last)))
        if made is not None:
            yield PromptProposal(name, made)
    if not content.role:
        for name, role in ROLES.items():
            made = _valid(content.model_copy(update={"role": role}))
            if made is not None:
                yield PromptProposal(name, made)


def _with_template(content: PromptContent, template: str) -> PromptContent:
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        raise InvalidInput(
            f"A template has {MAX_TEMPLATE_CHARACTERS} characters at most.",
            field="turns",
            limit=str(MAX_TEMPLATE_CHARACTERS),
        )
    last = content.turns[-1].model_copy(update={"template": template})
    return content.model_copy(update={"turns": (*content.turns[:-1], last)})


def _valid(content: PromptContent) -> PromptContent | None:
    try:
        check_prompt(content)
    except InvalidInput:
        return None
    return content


def _draws(worked: Sequence[WorkedCase], rng: random.Random) -> Iterator[list[WorkedCase]]:
    """Yield draws of examples, two of each size; fewer where there are too few cases."""
    for size in SHOTS:
        for _ in range(2):
            if worked:
                yield rng.sample(list(worked), min(size, len(worked)))


def _joined(base: str, more: str) -> str:
    return f"{base}, {more}"


def _interleaved(
    first: Sequence[PromptProposal], second: Sequence[PromptProposal]
) -> Iterator[PromptProposal]:
    for n in range(max(len(first), len(second))):
        yield from first[n : n + 1]
        yield from second[n : n + 1]
