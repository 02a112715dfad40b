"""Answers of prompts by any server of OpenAI's API: llama.cpp's, or a stage's own."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, SuiteCase, Target
from chalicelib.contracts.generations import Attempt, Call, ChatCall, Generation, Terms
from chalicelib.contracts.prompt_runs import RunPromptRequest
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.errors import ModelFailure, Transient, Unsupported
from chalicelib.generation.bodies.openai_chat import build_request, parse_answer
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.prompts.library import canonical_json
from chalicelib.prompts.runs import PromptRunner

_TIMEOUT_S = 600.0
_FENCE = "7d1c5a90e2b34f68"
"""Of every run, so that equal cases are equal calls."""


@dataclass(slots=True)
class ChatServer:
    """Calls one model of one server, and asks no question twice."""

    address: str
    model: str
    key: str = ""
    asked: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    _answers: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def generate(
        self, call: Call, terms: Terms, spender: object, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer to a chat call. Raises `Transient`, `ModelFailure`, `Unsupported`."""
        if not isinstance(call, ChatCall):
            raise Unsupported("Only prompts that are answered with text are compared.")
        body = {"model": self.model, **build_request(call)}
        key = hashlib.sha256(repr(sorted(body.items())).encode()).hexdigest()
        began = time.monotonic()
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._ask(body)
        read = parse_answer(answer, call)
        seconds = time.monotonic() - began
        line = ReceiptLine(
            model=self.model,
            role="chat",
            tokens_in=read.usage.tokens_in,
            tokens_out=read.usage.tokens_out,
            seconds=round(seconds, 6),
        )
        return Generation(
            generation_id=key[:26],
            created_at=datetime.now(UTC),
            model=self.model,
            answered_by=read.answered_by or self.model,
            output=read.output,
            usage=read.usage,
            attempts=(Attempt(model=self.model, outcome="accepted", usage=read.usage),),
            plan=(),
            receipt=Receipt.of([line]),
        )

    def _ask(self, body: Mapping[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url = f"{self.address.rstrip('/')}/chat/completions"
        try:
            response = httpx.post(url, json=body, headers=headers, timeout=_TIMEOUT_S)
        except httpx.TransportError as error:
            raise Transient(f"{url} cannot be reached: {error}") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise Transient(f"{url} answers with {response.status_code}: {response.text[:200]}")
        if response.is_error:
            raise ModelFailure(f"{url} refuses the call: {response.text[:200]}")
        answer = response.json()
        usage = answer.get("usage") or {}
        with self._lock:
            self.asked += 1
            self.tokens_in += usage.get("prompt_tokens", 0)
            self.tokens_out += usage.get("completion_tokens", 0)
        return answer


@dataclass(frozen=True, slots=True)
class PromptAnswerer:
    """Runs the prompts that are written out in suites, as a stage runs stored ones."""

    server: ChatServer

    def identity(self, target: Target) -> str:
        """Return the hash of the prompt with the model."""
        assert isinstance(target, InlinePromptTarget), "the suites hold their prompts"
        text = f"{self.server.model}\n{canonical_json(target.content)}"
        return hashlib.sha256(text.encode()).hexdigest()

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        """Return the answer of a prompt to a case; raises as `PromptRunner.run` does."""
        assert isinstance(target, InlinePromptTarget), "the suites hold their prompts"
        version = PromptVersion(
            name="technique",
            version=1,
            sha256="",
            bytes=0,
            created_at=datetime.now(UTC),
            content=target.content,
        )
        declared = target.content.variables
        given = {name: value for name, value in case.variables.items() if name in declared}
        runner = PromptRunner(
            self.server, lambda: _FENCE, lambda: datetime.now(UTC), lambda: case.id
        )
        run = runner.run(version, RunPromptRequest(variables=given), spender=_NO_SPENDER)
        return TargetAnswer(
            text=run.output,
            outputs=run.outputs,
            model=self.server.model,
            seconds=run.receipt.seconds,
            receipt=run.receipt,
        )


_NO_SPENDER: Any = None
"""Nobody's budget: what is measured here is not billed to a tenant."""
