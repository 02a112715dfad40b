"""Reads promptfoo's configuration as a suite: the part of it that means the same here.

https://www.promptfoo.dev/docs/configuration/reference/ What cannot be honoured is refused by its
name, never left out: a test that passes because half of it was not read is worse than none.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.evaluation.promptfoo_assertions import convert_assertion
from cli.failures import UsageError
from cli.output import Json

ReadText = Callable[[str], str]
"""Returns the text of a file, by its path as the configuration has it."""
_TOP = frozenset(("description", "prompts", "providers", "targets", "tests", "defaultTest"))
_HARMLESS = frozenset(
    ("$schema", "outputPath", "sharing", "tags", "metadata", "commandLineOptions")
)
"""Keys that change no verdict."""
_OPTIONS = frozenset(("repeat", "maxConcurrency", "cache", "showProgressBar", "delay"))
_TEST = frozenset(("description", "vars", "assert", "threshold", "metadata", "options"))
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
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_STRING = 10_000
_FILE = "file://"


def is_promptfoo(content: Mapping[str, Any]) -> bool:
    """Tell whether a file is promptfoo's rather than one of ours."""
    return "prompts" in content and ("providers" in content or "targets" in content)


def read_promptfoo(content: Mapping[str, Any], name: str, read: ReadText) -> Json:
    """Return the suite that a configuration describes.

    Raises:
        UsageError: something in it has no meaning here; the message names it.
    """
    _known(content, _TOP | _HARMLESS | {"evaluateOptions"}, "the configuration")
    options = content.get("evaluateOptions") or {}
    _known(options, _OPTIONS, "evaluateOptions")
    default = _mapping(content.get("defaultTest") or {}, "defaultTest")
    tests = [_mapping(test, f"test {n}") for n, test in enumerate(_tests(content, read), 1)]
    cases = list(_cases(tests or [{}], default, read))
    prompts = [_prompt(each, read) for each in _listed(content["prompts"], "prompts")]
    providers = _listed(content.get("providers") or content.get("targets"), "providers")
    given = [case["variables"] for case in cases]
    targets = [
        _target(n, prompt, _provider(provider), given, len(prompts) > 1)
        for provider in providers
        for n, prompt in enumerate(prompts, 1)
    ]
    suite: Json = {"name": name, "targets": _named_apart(targets), "cases": cases}
    if content.get("description"):
        suite["description"] = str(content["description"])
    if options.get("repeat"):
        suite["repeats"] = options["repeat"]
    return suite


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


def _tests(content: Mapping[str, Any], read: ReadText) -> list[Any]:
    tests = content.get("tests") or []
    if isinstance(tests, str):
        if not tests.endswith((".json", ".yaml", ".yml")):
            raise UsageError(f"tests: {tests} is of a kind that is not read; write YAML or JSON.")
        import yaml

        path = tests.removeprefix(_FILE)
        try:
            tests = yaml.safe_load(read(path)) or []
        except yaml.YAMLError as error:
            raise UsageError(f"tests: {path} is no YAML: {error}") from error
    return _listed(tests, "tests")


def _cases(tests: Sequence[Json], default: Json, read: ReadText) -> Iterator[Json]:
    _known(default, _TEST, "defaultTest")
    seen: set[str] = set()
    for n, test in enumerate(tests, 1):
        place = f"test {n}"
        _known(test, _TEST, place)
        variables = _part(default, "vars", "defaultTest") | _part(test, "vars", place)
        options = _part(default, "options", "defaultTest") | _part(test, "options", place)
        judge = _judge(options, place)
        assertions = [*_assertions(default, "defaultTest"), *_assertions(test, place)]
        if not assertions:
            raise UsageError(f"{place} has no assert, so that nothing of it could fail.")
        threshold = test.get("threshold", default.get("threshold"))
        for values in _combinations(variables, place, read):
            title = str(test.get("description") or place).replace("/", "-").strip()[:100]
            case_id = next(_apart(title, seen))
            seen.add(case_id)
            case: Json = {
                "id": case_id,
                "variables": values,
                "graders": _graders(assertions, values, judge, place, read),
            }
            if threshold is not None:
                case["threshold"] = threshold
            yield case


def _graders(
    assertions: Sequence[Any], values: Json, judge: str | None, place: str, read: ReadText
) -> list[Json]:
    graders: list[Json] = []
    seen: set[str] = set()
    for assertion in assertions:
        grader = convert_assertion(_mapping(assertion, place), values, judge, place, read)
        name = str(grader.get("name") or grader["type"])
        grader["name"] = next(_apart(name, seen))
        seen.add(grader["name"])
        graders.append(grader)
    return graders


def _part(test: Json, key: str, place: str) -> Json:
    return _mapping(test.get(key) or {}, f"{place}, {key}")


def _assertions(test: Json, place: str) -> list[Any]:
    found = test.get("assert") or []
    if not isinstance(found, list):
        raise UsageError(f"{place}, assert: a list is expected.")
    return found


def _combinations(variables: Json, place: str, read: ReadText) -> Iterator[Json]:
    """Yield the variables of each test that a test with lists stands for."""
    lists = []
    for name, value in variables.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{place}: the variable {name!r} has to be called by lower-case letters, digits "
                "and _; rename it."
            )
        values = value if isinstance(value, list) else [value]
        lists.append(
            [(name, _variable(each, f"{place}, variable {name}", read)) for each in values]
        )
    for chosen in itertools.product(*lists):
        yield dict(chosen)


def _variable(value: Any, place: str, read: ReadText) -> str:
    if isinstance(value, str):
        if not value.startswith(_FILE):
            return value
        path = value.removeprefix(_FILE)
        if path.endswith((".js", ".py", ".ts", ".mjs")):
            raise UsageError(f"{place}: {value} is code, which is not run.")
        return read(path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise UsageError(f"{place} is an object, and variables are texts, numbers, true or false.")


def _prompt(given: Any, read: ReadText) -> _Prompt:
    label = ""
    if isinstance(given, Mapping):
        _known(given, frozenset(("raw", "label", "id", "display")), "a prompt")
        label = str(given.get("label") or given.get("display") or "")
        given = given.get("raw") or given.get("id")
    if not isinstance(given, str):
        raise UsageError("A prompt is a text, or a file:// with one.")
    text = given
    if given.startswith(_FILE):
        path = given.removeprefix(_FILE)
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
        _known(given, _PROVIDER, "a provider")
        config, label = given.get("config") or {}, str(given.get("label") or "")
        given = given.get("id")
    if not isinstance(given, str):
        raise UsageError("A provider is a name, such as openai:gpt-4o, or has one as its id.")
    _known(config, _CONFIG, f"the config of {given}")
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


def _judge(options: Mapping[str, Any], place: str) -> str | None:
    _known(options, frozenset(("provider",)), f"{place}, options")
    provider = options.get("provider")
    return None if provider is None else _provider(provider).model


def _apart(name: str, seen: set[str]) -> Iterator[str]:
    if name not in seen:
        yield name
    yield from (each for n in itertools.count(2) if (each := f"{name} {n}") not in seen)


def _named_apart(targets: list[Json]) -> list[Json]:
    seen: set[str] = set()
    for target in targets:
        target["name"] = next(_apart(target["name"], seen))
        seen.add(target["name"])
    return targets


def _known(given: Any, known: frozenset[str] | set[str], place: str) -> None:
    strange = sorted(str(key) for key in _mapping(given, place) if key not in known)
    if strange:
        raise UsageError(
            f"{place}: {strange[0]} is promptfoo's, and not honoured here; what is: "
            f"{', '.join(sorted(known - _HARMLESS))}."
        )


def _mapping(given: Any, place: str) -> Json:
    if not isinstance(given, dict):
        raise UsageError(f"{place} holds no keys.")
    return given


def _listed(given: Any, place: str) -> list[Any]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or (not given and place != "tests"):
        raise UsageError(f"{place}: a list is expected.")
    return given
