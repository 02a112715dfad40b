"""Calls of a suite's model targets: a case as a conversation, or as a text to classify. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ChatCall, ClassifyCall, Message, TextPart
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.suites import ModelTarget, SuiteCase

_FIX = (
    "has to be a text that is not empty, or a list of messages with role and content: the system's "
    "first if there is one, then the user's and the assistant's in turn, the user's last"
)
Turns = list[tuple[str, str]]


def model_call(target: ModelTarget, case: SuiteCase) -> ChatCall | ClassifyCall:
    """Return the call that asks a model a case.

    Raises:
        InvalidInput: the case's variable is neither a text nor a conversation.
    """
    place = f"case {case.id}, target {target.name}: the variable {target.input}"
    turns = _turns(case.variables.get(target.input), place)
    system = [target.system] if target.system else []
    if turns[0][0] == "system":
        system.append(turns.pop(0)[1])
    if target.task == "classification":
        return ClassifyCall(texts=(turns[-1][1],))
    shown = [
        turn
        for each in target.examples
        for turn in (("user", each.user), ("assistant", each.assistant))
    ]
    return ChatCall(
        system="\n\n".join(system),
        messages=tuple(_messages([*shown, *turns])),
        max_tokens=target.max_tokens,
        temperature=target.temperature,
        seed=target.seed,
    )


def _turns(value: object, place: str) -> Turns:
    """Return the roles and texts of a case's variable; raise `InvalidInput`."""
    given = [{"role": "user", "content": value}] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"{place} {_FIX}.", field="variables")
    turns: Turns = []
    for each in given:
        role = each.get("role") if isinstance(each, Mapping) else None
        text = each.get("content") if isinstance(each, Mapping) else None
        if not isinstance(role, str) or not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"{place} {_FIX}.", field="variables")
        turns.append((role, text))
    spoken = [role for role, _ in turns]
    wanted = ["user", "assistant"] * len(spoken)
    begin = 1 if spoken[:1] == ["system"] else 0
    if spoken[begin:] != wanted[: len(spoken) - begin] or spoken[-1:] != ["user"]:
        raise InvalidInput(f"{place} {_FIX}.", field="variables")
    return turns


def _messages(turns: Iterable[tuple[str, str]]) -> Iterable[Message]:
    for role, text in turns:
        yield Message(
            role="user" if role == "user" else "assistant", content=(TextPart(text=text),)
        )
