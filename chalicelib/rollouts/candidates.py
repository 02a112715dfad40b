"""Candidates of rollouts, asked by name: one class a kind of subject.

They take requests as captured calls hold them, and give the same facts as captured calls have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError

from chalicelib.captures.facts import ask_facts, generation_facts, run_facts
from chalicelib.contracts.answers import AskRequest
from chalicelib.contracts.generations import Call, Terms
from chalicelib.contracts.prompt_runs import RunPromptRequest
from chalicelib.contracts.retrieval_settings import RetrievalSetting
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.search.query import Query
from chalicelib.rollouts.retrieval import apply_setting

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.captures.facts import CallFacts
    from chalicelib.contracts.answers import AskResponse
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.prompts.runs import PromptRunner, TurnGenerator
    from chalicelib.rollouts.prompts import PromptVersions

_CALL: TypeAdapter[Call] = TypeAdapter(Call, config=ConfigDict(defer_build=True))


@dataclass(frozen=True, slots=True)
class CandidateModel:
    """A model as the candidate; no other may answer in its place."""

    model: str
    generator: TurnGenerator
    spender: Spender
    limits: CallLimits

    def answer(self, given: Mapping[str, JsonValue]) -> CallFacts:
        """Return the facts of the model's answer; raises as a generation does."""
        try:
            call = _CALL.validate_python(given.get("call"))
            terms = Terms.model_validate(given.get("terms", {}))
        except ValidationError as error:
            raise _unreadable(error) from error
        changes = {"model": self.model, "fallback": False, "deadline": None}
        named = terms.model_copy(update=changes)
        made = self.generator.generate(call, named, self.spender, self.limits)
        return generation_facts(call, named, made)


@dataclass(frozen=True, slots=True)
class CandidatePrompt:
    """A version of a prompt as the candidate."""

    name: str
    version: int
    prompts: PromptVersions
    runner: PromptRunner
    spender: Spender
    limits: CallLimits

    def answer(self, given: Mapping[str, JsonValue]) -> CallFacts:
        """Return the facts of the version's run; raises as a run does."""
        try:
            request = RunPromptRequest.model_validate({"variables": given.get("variables", {})})
        except ValidationError as error:
            raise _unreadable(error) from error
        version = self.prompts.version(self.spender.tenant, self.name, self.version)
        run = self.runner.run(version, request, self.spender, self.limits)
        return run_facts(self.version, request, run)


AskDocuments = Callable[[Query, AskRequest], "AskResponse"]
"""Answers a question from documents; raises as the answer pipeline does."""


@dataclass(frozen=True, slots=True)
class CandidateRetrieval:
    """A retrieval setting of a collection as the candidate."""

    setting: str
    ask: AskDocuments
    spender: Spender

    def answer(self, given: Mapping[str, JsonValue]) -> CallFacts:
        """Return the facts of the answer with the setting; raises as an ask does."""
        try:
            request = AskRequest.model_validate(given)
        except ValidationError as error:
            raise _unreadable(error) from error
        query = Query(
            tenant=self.spender.tenant,
            text=request.question,
            collection=request.collection,
            top_k=request.top_k,
            correlation_id=self.spender.correlation_id,
            field="question",
            filter=request.filter,
            rerank=request.rerank,
            key=self.spender.key,
        )
        setting = RetrievalSetting.parse(self.setting)
        answer = self.ask(apply_setting(query, request.model_fields_set, setting), request)
        return ask_facts(request, answer, self.setting)


def _unreadable(error: ValidationError) -> InvalidInput:
    """Return the error for a stored request that is none of this subject's."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or "input"
    message = f"The request is none of this subject's: {field}: {first['msg']}."
    return InvalidInput(message, field=field)
