"""Choice of a function's memory from its figures: pure.

Lambda gives CPU in proportion to memory, a whole vCPU at 1,769 MB, and one thread uses one at most.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

STEPS = (256, 384, 512, 640, 768, 1024, 1280, 1536, 1769, 2048, 2560, 3072)
"""Memory that is chosen from, in MB."""
WHOLE_VCPU_MB = 1769
MARGIN = 1.3
"""Memory stays this much above the most that was seen: the kernel kills what exceeds it."""
GB_MB = 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one function.

    They are the seconds of CPU of an invocation with its start, of a warm one, and of a warm one on
    the largest input; and the peak resident memory, in MiB.
    """

    cold_s: float
    warm_s: float
    large_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Budget:
    """Time limit of a function by the clock, in seconds, and its reason.

    A function that `computes` waits for little: it costs the same at any memory up to a whole vCPU,
    and is fastest there. `held_to_mib` is the memory to allow for input that no measurement here
    covers.
    """

    warm_s: float
    cold_s: float
    why: str
    computes: bool = False
    held_to_mib: int = 0


ASKED = Budget(0.15, 1.5, "somebody waits for it")
BEHIND = Budget(0.15, 1.5, "somebody waits for the API, which waits for it", computes=True)
STEP = Budget(0.50, 1.5, "a document of one page is to be found within seconds")
LATER = Budget(1.00, 10.0, "nobody waits for it")
THROUGHPUT = replace(LATER, computes=True)
ANSWERS = replace(
    LATER, held_to_mib=390, why="nobody waits for it; dozens of pictures may be held at once"
)

SEES = replace(BEHIND, cold_s=3.0)

BUDGETS: Mapping[str, Budget] = {
    "advance_rollout": LATER,
    "answer_image": SEES,
    "app.app": ASKED,
    "app.authorizer": replace(ASKED, cold_s=0.8, why="somebody waits for it, then for the API"),
    "app.execution_ended": LATER,
    "app.job_ended": LATER,
    "app.object_created": STEP,
    "app.schedule_due": LATER,
    "app.sweep": LATER,
    "app.sweep_jobs": LATER,
    "app.webhook_due": LATER,
    "caption_image": SEES,
    "check_support": BEHIND,
    "chunk_document": STEP,
    "classify_image": SEES,
    "complete_text": replace(BEHIND, warm_s=1.0, cold_s=3.0, why="a text is written word by word"),
    "embed_chunks": replace(STEP, computes=True),
    "embed_image": SEES,
    "embed_text": BEHIND,
    "evaluate_cases": ANSWERS,
    "export_documents": THROUGHPUT,
    "extract_fields": replace(
        BEHIND, warm_s=1.0, cold_s=3.0, why="somebody waits for the fields of a short document"
    ),
    "gather_parts": THROUGHPUT,
    "generate_image": replace(BEHIND, cold_s=3.0),
    "generate_items": ANSWERS,
    "generate_one": ANSWERS,
    "harvest_batch": ANSWERS,
    "improve_model": LATER,
    "label_picture": replace(
        BEHIND, cold_s=3.0, why="a search by a picture waits for it, and then for embed_text"
    ),
    "label_text": replace(BEHIND, cold_s=3.0),
    "prepare_batch": LATER,
    "read_document": replace(STEP, computes=True, held_to_mib=1280),
    "read_media": replace(THROUGHPUT, held_to_mib=1100, why="ffmpeg may have 768 MiB beside it"),
    "recognise_pages": replace(THROUGHPUT, warm_s=30.0, cold_s=30.0, why="pages take seconds each"),
    "reduce_batch": ANSWERS,
    "reembed_passages": replace(
        THROUGHPUT, warm_s=10.0, why="hundreds of passages are embedded each time"
    ),
    "reindex_tenant": LATER,
    "replay_calls": ANSWERS,
    "remove_data": LATER,
    "render_page": replace(BEHIND, warm_s=1.0, cold_s=3.0, why="somebody looks at the page"),
    "rerank_passages": BEHIND,
    "run_evaluation": replace(LATER, held_to_mib=780, why="20,000 answers are held at once"),
    "run_code": replace(
        THROUGHPUT,
        cold_s=15.0,
        held_to_mib=1160,
        why="its first run compiles an interpreter; two guests may have 512 MB each",
    ),
    "run_schedule": LATER,
    "score_answer": replace(BEHIND, cold_s=3.0),
    "screen_image": replace(BEHIND, cold_s=3.0),
    "screen_text": BEHIND,
    "stop_rollout": LATER,
    "stream_answer": ASKED,
    "stream_chat": ASKED,
    "transcribe_speech": replace(
        BEHIND, warm_s=10.0, cold_s=12.0, why="somebody waits for two minutes of speech"
    ),
}
"""By function, as `short` names it."""

SHARE_OF_TIMEOUT = 0.5
"""Of its timeout, what the largest input may take."""


def short(handler: str) -> str:
    """Return the short name of a function: its folder, its task, or its name in `app.py`."""
    if not handler.startswith("functions."):
        return handler
    _, folder, _, name = handler.split(".")
    return folder if name == "handler" else name


def wall_s(cpu_s: float, memory_mb: int) -> float:
    """Return the duration of `cpu_s` of one thread at `memory_mb`, without waiting times."""
    return cpu_s / min(1.0, memory_mb / WHOLE_VCPU_MB)


def price_of_thousand(cpu_s: float, memory_mb: int, gb_second: Decimal, request: Decimal) -> float:
    """Return the dollars of 1,000 invocations of `cpu_s` each, without waiting times."""
    billed = Decimal(wall_s(cpu_s, memory_mb)) * memory_mb / GB_MB
    return float(1000 * (billed * gb_second + request))


def fits(figures: Figures, budget: Budget, timeout_s: int, memory_mb: int) -> bool:
    """Return whether `memory_mb` is large enough and fast enough."""
    return (
        max(figures.peak_mib, budget.held_to_mib) * MARGIN <= memory_mb
        and wall_s(figures.warm_s, memory_mb) <= budget.warm_s
        and wall_s(figures.cold_s, memory_mb) <= budget.cold_s
        and wall_s(figures.large_s, memory_mb) <= timeout_s * SHARE_OF_TIMEOUT
    )


def least(figures: Figures, budget: Budget, timeout_s: int) -> int:
    """Return the smallest of `STEPS` that fits, with a whole vCPU if the function computes.

    Raises:
        ValueError: none fits; the message says why.
    """
    for memory_mb in STEPS:
        enough = memory_mb >= WHOLE_VCPU_MB or not budget.computes
        if enough and fits(figures, budget, timeout_s, memory_mb):
            return memory_mb
    raise ValueError(f"No memory is enough for {figures} in {budget}, with {timeout_s} s at most.")


def beside(memory_mb: int) -> tuple[int, int]:
    """Return the step below and the one above; the same step if there is none."""
    below = [each for each in STEPS if each < memory_mb]
    above = [each for each in STEPS if each > memory_mb]
    return (below[-1] if below else memory_mb, above[0] if above else memory_mb)
