"""Chats and preferences in the forms in which others write them, as the fields of our rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Fields = Mapping[str, Any]


class UnknownFormError(Exception):
    """Raised for fields that are in no form of a kind: a problem's name and its detail."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


def _whole_text(value: Any) -> Any:
    """Return content as one text: lists of parts `{"text": …}` are joined."""
    if not isinstance(value, list):
        return value
    texts = [part.get("text") if isinstance(part, dict) else part for part in value]
    if not all(isinstance(text, str) for text in texts):
        raise UnknownFormError("unread_content", "a part of a message is no text")
    return "".join(map(str, texts))


def _turns(value: Any) -> list[dict[str, Any]]:
    """Return messages with their role and text alone. CSV has them as JSON."""
    listed = from_json(value)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UnknownFormError("wrong_field", "messages are no list of objects")
    turns = []
    for number, each in enumerate(listed, 1):
        if each.get("tool_calls") or each.get("function_call"):
            raise UnknownFormError("unread_content", f"message {number} calls a tool")
        if each.get("weight") == 0:
            raise UnknownFormError("unread_content", f"message {number} has the weight 0")
        role = each.get("role", _SHAREGPT_ROLES.get(str(each.get("from"))))
        if role is None:
            raise UnknownFormError("unknown_role", f"message {number} has no role")
        role = "system" if role == "developer" else role
        content = _whole_text(each.get("content", each.get("value")))
        if content is None:
            raise UnknownFormError("empty_text", f"message {number} has no content")
        turns.append({"role": role, "content": content})
    return turns


_SHAREGPT_ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def from_json(value: Any) -> Any:
    """Decode a text that is JSON, as lists in CSV are; return anything else unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _prompt(value: Any, system: Any = None) -> list[dict[str, Any]]:
    """Return messages of a prompt, which is a text or messages."""
    listed = from_json(value) if isinstance(value, list) else value
    turns = _turns(listed) if isinstance(listed, list) else [{"role": "user", "content": listed}]
    said = _whole_text(system)
    return [{"role": "system", "content": said}, *turns] if said else turns


def chat(fields: Fields) -> dict[str, Any]:
    """Return the chat of messages, with a system message beside them. Raises UnknownFormError."""
    turns = _turns(fields.get("messages", fields.get("conversations")))
    system = _whole_text(fields.get("system"))
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


def completion(fields: Fields) -> dict[str, Any]:
    """Return the chat of a prompt and its completion. Raises UnknownFormError."""
    answer = fields["completion"]
    turns = (
        _turns(answer) if isinstance(answer, list) else [{"role": "assistant", "content": answer}]
    )
    return {"messages": [*_prompt(fields["prompt"], fields.get("system")), *turns]}


def alpaca(fields: Fields) -> dict[str, Any]:
    """Return the chat of an instruction, its input and its output. Raises UnknownFormError."""
    given = fields.get("input")
    asked = f"{fields['instruction']}\n\n{given}" if given else fields["instruction"]
    return completion({"prompt": asked, "completion": fields["output"], **_system(fields)})


def _system(fields: Fields) -> dict[str, Any]:
    return {"system": fields["system"]} if fields.get("system") else {}


def _one_answer(value: Any) -> Any:
    """Return an answer that is a text or a list of one message."""
    if not isinstance(value, list):
        return value
    turns = _turns(value)
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise UnknownFormError("wrong_field", "an answer is one message of the assistant")
    return turns[0]["content"]


def preference(fields: Fields) -> dict[str, Any]:
    """Return a prompt with a better and a worse answer. Raises UnknownFormError."""
    return {
        "messages": _prompt(fields["prompt"], fields.get("system")),
        "chosen": _one_answer(fields["chosen"]),
        "rejected": _one_answer(fields["rejected"]),
    }


def whole_chats(fields: Fields) -> dict[str, Any]:
    """Return a preference of two whole chats, which differ in their last message."""
    if not isinstance(fields["chosen"], list) or not isinstance(fields["rejected"], list):
        raise UnknownFormError("missing_field", "prompt is missing")
    chosen, rejected = _turns(fields["chosen"]), _turns(fields["rejected"])
    if not chosen or not rejected or chosen[:-1] != rejected[:-1]:
        raise UnknownFormError("wrong_field", "chosen and rejected differ before their end")
    return {
        "messages": chosen[:-1],
        "chosen": _one_answer(chosen[-1:]),
        "rejected": _one_answer(rejected[-1:]),
    }


def openai_preference(fields: Fields) -> dict[str, Any]:
    """Return a preference in the form of OpenAI. Raises UnknownFormError."""
    asked = fields["input"]
    if isinstance(asked, dict) and asked.get("tools"):
        raise UnknownFormError("unread_content", "the input has tools")
    return {
        "messages": _turns(asked.get("messages") if isinstance(asked, dict) else asked),
        "chosen": _one_answer(fields["preferred_output"]),
        "rejected": _one_answer(fields["non_preferred_output"]),
    }


def _asked(fields: Fields) -> dict[str, Any]:
    asked = fields["asked"]
    if not isinstance(asked, dict) or not asked.get("question"):
        raise UnknownFormError("missing_field", "asked.question is missing")
    return asked


def correction(fields: Fields) -> dict[str, Any]:
    """Return the chat of a rating: its correction, or an answer that was rated up."""
    asked = _asked(fields)
    answer = fields.get("correction") or (asked.get("answer") if fields["rating"] == "up" else "")
    if not answer:
        raise UnknownFormError("missing_field", "rated down without a correction")
    return completion({"prompt": asked["question"], "completion": answer})


def corrected_pair(fields: Fields) -> dict[str, Any]:
    """Return a correction as better than the answer it corrects. Raises UnknownFormError."""
    asked = _asked(fields)
    if not fields.get("correction") or not asked.get("answer"):
        raise UnknownFormError("missing_field", "the rating has no correction")
    return preference(
        {
            "prompt": asked["question"],
            "chosen": fields["correction"],
            "rejected": asked["answer"],
        }
    )


def _joined(*texts: Any) -> str:
    return "\n\n".join(str(text) for text in texts if text)


def rated_answer(fields: Fields) -> dict[str, Any]:
    """Return a question with its answer, and the rating as label."""
    asked = _asked(fields)
    return {"text": _joined(asked["question"], asked.get("answer")), "label": fields["rating"]}


def reviewed(fields: Fields) -> dict[str, Any]:
    """Return the text and the label of an item that reviewers decided."""
    item, decided = fields["item"], fields["provenance"]
    if not isinstance(item, dict) or not isinstance(decided, dict):
        raise UnknownFormError("wrong_field", "item and provenance are objects")
    text = item.get("text") or _joined(item.get("prompt"), item.get("answer"))
    return {"text": text, "label": decided.get("label")}
