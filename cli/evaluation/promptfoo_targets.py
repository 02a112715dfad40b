"""promptfoo's prompts and providers as targets: every provider with every prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.evaluation.promptfoo_fields import FILE, ReadText, free_name, list_of, require_known
from cli.failures import UsageError
from cli.output import Json

_PROVIDER = frozenset(("id", "label", "config"))
_CONFIG = frozenset(("temperature", "max_tokens", "top_p", "stop", "seed"))
_PREFIXES = (
    "openai:chat:",
    "openai:",
    "bedrock:",
    "anthropic:messages:",
    "ollama:chat:",
    "headrace:",
)
_USED = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)")
_MAX_STRING = 10_000


def read_targets(content: Mapping[str, Any], given: Sequence[Json], read: ReadText) -> list[Json]:
    """Return the targets of a configuration; `given` are the variables of its cases.

    Raises:
        UsageError: a prompt or a provider has no meaning here.
    """
    prompts = [_prompt(each, read) for each in list_of(content["prompts"], "prompts")]
    providers = list_of(content.get("providers") or content.get("targets"), "providers")
    targets = [
        _target(n, prompt, _provider(provider), given, len(prompts) > 1)
        for provider in providers
        for n, prompt in enumerate(prompts, 1)
    ]
    taken: set[str] = set()
    for target in targets:
        target["name"] = free_name(target["name"], taken)
        taken.add(target["name"])
    return targets


def model_of(provider: Any) -> str:
    """Return the model of a provider; raise `UsageError` for one that is not known."""
    return _provider(provider).model


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A prompt: its system text and its question, as templates."""

    label: str
    role: str
    template: str


@dataclass(frozen=True, slots=True)
class _Provider:
    label: str
    model: str
    config: Mapping[str, Any]


def _prompt(given: Any, read: ReadText) -> _Prompt:
    label = ""
    if isinstance(given, Mapping):
        require_known(given, frozenset(("raw", "label", "id", "display")), "a prompt")
        label = str(given.get("label") or given.get("display") or "")
        given = given.get("raw") or given.get("id")
    if not isinstance(given, str):
        raise UsageError("A prompt is a text, or a file:// with one.")
    text = given
    if given.startswith(FILE):
        path = given.removeprefix(FILE)
        if not path.endswith((".txt", ".md", ".json")):
            raise UsageError(
                f"prompts: {given} is of a kind that is not read; write .txt or .json."
            )
        label, text = label or path.rsplit("/", 1)[-1], read(path)
    return _chat(text, label) or _Prompt(label, "", text)


def _chat(text: str, label: str) -> _Prompt | None:
    """Return a prompt of chat messages, if the text is one."""
    if not text.lstrip().startswith("["):
        return None
    try:
        messages = json.loads(text)
        turns = [(message["role"], message["content"]) for message in messages]
    except (ValueError, TypeError, KeyError):
        return None
    if [role for role, _ in turns] not in (["user"], ["system", "user"]):
        raise UsageError(
            "A prompt of messages is read with one of the system and one of the user, not "
            f"{', '.join(role for role, _ in turns)}."
        )
    return _Prompt(label, turns[0][1] if len(turns) > 1 else "", turns[-1][1])


def _provider(given: Any) -> _Provider:
    config: Mapping[str, Any] = {}
    label = ""
    if isinstance(given, Mapping):
        require_known(given, _PROVIDER, "a provider")
        config, label = given.get("config") or {}, str(given.get("label") or "")
        given = given.get("id")
    if not isinstance(given, str):
        raise UsageError("A provider is a name, such as openai:gpt-4o, or has one as its id.")
    require_known(config, _CONFIG, f"the config of {given}")
    prefix = next((each for each in _PREFIXES if given.startswith(each)), "")
    model = given.removeprefix(prefix)
    is_ours = prefix or ":" not in given or re.search(r"v\d+:\d+$", given)
    if not is_ours or given == "echo":
        raise UsageError(
            f"The provider {given} is not known here. Name a model of the stage (headrace models), "
            "or say --model."
        )
    return _Provider(label or model, model, config)


def _target(
    n: int, prompt: _Prompt, provider: _Provider, cases: Sequence[Json], several: bool
) -> Json:
    used = dict.fromkeys(_USED.findall(prompt.role + prompt.template))
    variables = {name: _declared(name, prompt, cases) for name in used}
    shown = f"{prompt.label or f'prompt {n}'} by {provider.label}" if several else provider.label
    content: Json = {
        "variables": variables,
        "role": prompt.role,
        "turns": [{"template": prompt.template}],
        "terms": {"model": provider.model},
    }
    if provider.config:
        stop = provider.config.get("stop")
        content["parameters"] = {
            **provider.config,
            **({"stop": [stop]} if isinstance(stop, str) else {}),
        }
    name = re.sub(r"[^A-Za-z0-9 _.:-]", "-", shown)[:60].strip() or f"target {n}"
    return {"kind": "inline", "name": name.lstrip(" _.:-"), "content": content}


def _declared(name: str, prompt: _Prompt, cases: Sequence[Json]) -> Json:
    """Return the declaration of a variable: a text, or a document where it is longer than one."""
    longest = max((len(case.get(name, "")) for case in cases), default=0)
    if longest <= _MAX_STRING:
        return {"type": "string", "max_length": max(longest, 1), "default": ""}
    if name in _USED.findall(prompt.role):
        raise UsageError(f"The variable {name} is too long for a system message.")
    return {"type": "document", "max_length": longest}
