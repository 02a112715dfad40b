"""Overhead of the router and the receipt on a request: `python -m benchmarks routing`.

Each request does all the work of a generation except waiting for models: the requirements are
derived from the call, a plan of all shipped models is made, the next move is decided before and
after each attempt, the answer is checked and charged, and the generation with its receipt is
written as JSON. Nothing is cached between requests. CPU time of one thread is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from benchmarks.reporting import Result, Spread, spread
from chalicelib.contracts.generations import (
    Attempt,
    Call,
    ChatCall,
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    JsonOutput,
    Message,
    Output,
    Reply,
    Terms,
    TextPart,
    Tool,
    Usage,
)
from chalicelib.contracts.receipts import dollars
from chalicelib.generation import check_names, checks, requirements, router
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.receipts import CostModel
from chalicelib.generation.router import AcceptAnswer, TryModel, next_move

REQUESTS = 50
"""In one repetition of a kind; a request is too short for a clock by itself."""
PLACE = requirements.CallRegion("us-east-1")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SENTENCE = "The weir was inspected in April 2026, and two of its seals were replaced at once. "
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
    "required": ["answer", "sure"],
}
TOOL = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "Name of the gauge."}},
    "required": ["name"],
}


def measure(repetitions: int) -> Result:
    """Time `REQUESTS` requests of each kind `repetitions` times, and each part of one kind."""
    accounts = CostModel(served_models(), catalogue().prices)
    measured: dict[str, Spread] = {}
    for name, request in requests().items():
        whole = _timed(partial(answer, accounts, *request), repetitions)
        measured[f"{name}, a request"] = whole
    call, terms, _ = requests()["chat of 20 words"]
    measured["of it, the wish"] = _timed(
        lambda: requirements.derive_requirements(call, terms, PLACE), repetitions
    )
    wish = requirements.derive_requirements(call, terms, PLACE)
    prices = accounts.prices
    measured["of it, the plan"] = _timed(
        lambda: router.plan_route(wish, accounts.models, prices, NOW), repetitions
    )
    return Result(
        name="routing",
        repetitions=repetitions,
        measured=measured,
        facts={
            "models planned for": len(accounts.models.models),
            "requests a repetition": REQUESTS,
            "bytes of a generation, chat of 20 words": len(answer(accounts, call, terms, 1)),
        },
        notes=(
            "Models answer at once here: what is left is what a request pays for being routed.",
        ),
    )


def answer(accounts: CostModel, call: Call, terms: Terms, tries: int) -> str:
    """Return the generation, as JSON, of `call` whose first `tries - 1` answers fail a check."""
    wish = requirements.derive_requirements(call, terms, PLACE)
    plan = router.plan_route(wish, accounts.models, accounts.prices, NOW).require_steps()
    wanted = check_names.parse_checks(terms.checks, call)
    attempts: list[Attempt] = []
    reply: Reply | None = None
    while isinstance(move := next_move(plan, attempts, wish.budget), TryModel):
        step = move.step
        usage = Usage(tokens_in=wish.load.tokens_in, tokens_out=min(40, wish.load.tokens_out))
        reply = Reply(
            model=step.model,
            answered_by=step.route.model_id,
            output=_output(call, whole=len(attempts) + 1 >= tries),
            usage=usage,
            seconds=0.4,
        )
        verdict = checks.run_checks(wanted, call, reply.output, {})
        attempts.append(
            Attempt(
                model=step.model,
                answered_by=reply.answered_by,
                outcome="accepted" if verdict.passed else "escalated",
                reason=verdict.reason,
                usage=usage,
                seconds=reply.seconds,
                dollars=dollars(accounts.actual_cost(step, usage, reply.seconds)),
            )
        )
    assert isinstance(move, AcceptAnswer), "every kind of request is answered"
    assert reply is not None
    return accounts.build_generation("gen_benchmark", NOW, reply, plan, attempts).model_dump_json()


def requests() -> Mapping[str, tuple[Call, Terms, int]]:
    """Return the kinds of requests by name: a call, its terms, and its number of attempts."""
    strict = JsonOutput(json_schema=SCHEMA)
    tools = tuple(Tool(name=f"gauge_{number}", parameters=TOOL) for number in range(8))
    return {
        "chat of 20 words": (_chat(20), Terms(), 1),
        "chat of 300 words": (_chat(300), Terms(checks=("finish",)), 1),
        "chat of 6,000 words": (_chat(6_000), Terms(checks=("finish",)), 1),
        "chat with 8 tools": (_chat(20).model_copy(update={"tools": tools}), Terms(), 1),
        "JSON Schema, two attempts": (
            _chat(20).model_copy(update={"json_output": strict}),
            Terms(checks=("finish", "schema")),
            2,
        ),
        "one embedding of 15 words": (EmbedCall(texts=(SENTENCE,)), Terms(), 1),
    }


def _chat(words: int) -> ChatCall:
    text = (SENTENCE * (words // len(SENTENCE.split()) + 1)).split()[:words]
    message = Message(role="user", content=(TextPart(text=" ".join(text)),))
    return ChatCall(system="Answer in one sentence.", messages=(message,))


def _output(call: Call, *, whole: bool) -> Output:
    if isinstance(call, EmbedCall):
        return EmbedOutput(vectors=((0.5,) * 8,) * len(call.texts))
    text = '{"answer": "In April 2026.", "sure": true}' if whole else '{"answer": "In April'
    return ChatOutput(text=text)


def _timed(work: Callable[[], object], repetitions: int) -> Spread:
    """Return the spread of CPU milliseconds of one `work`."""
    work()
    milliseconds = []
    for _ in range(repetitions):
        began = time.process_time()
        for _ in range(REQUESTS):
            work()
        milliseconds.append((time.process_time() - began) * 1000 / REQUESTS)
    return spread(milliseconds, "ms of CPU")
