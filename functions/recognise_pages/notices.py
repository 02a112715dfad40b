"""Notices to a document's owner about pages whose text was recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def notices(
    recognised: Sequence[int],
    doubtful: Sequence[int],
    empty: Sequence[int],
    failed: Sequence[int],
    *,
    picture: bool = False,
) -> tuple[str, ...]:
    """Return a sentence for each kind of pages, by their numbers; none for empty kinds.

    A `picture` has one page only, which is called the picture.
    """
    sentences = _sentences(recognised, doubtful, empty, failed)
    if not picture:
        return tuple(sentences)
    return tuple(
        each.replace("page 1", "the picture").replace(" from pictures", "") for each in sentences
    )


def _sentences(
    recognised: Sequence[int],
    doubtful: Sequence[int],
    empty: Sequence[int],
    failed: Sequence[int],
) -> Iterator[str]:
    if recognised:
        yield (
            f"The text of {page_list(recognised)} was recognised from pictures; letters may be"
            " wrong."
        )
    if doubtful:
        yield f"Much of {page_list(doubtful)} is uncertain; compare it with the original."
    if empty:
        yield f"No text was found on {page_list(empty)}."
    if failed:
        yield f"The recognition of {page_list(failed)} failed."


def page_list(numbers: Sequence[int]) -> str:
    """Return page numbers in words, such as `page 3` or `pages 1, 3 to 7`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = ", ".join(_run(run) for run in runs)
    return f"page {words}" if len(numbers) == 1 else f"pages {words}"


def _run(run: Sequence[int]) -> str:
    if len(run) == 1:
        return str(run[0])
    return f"{run[0]} {'and' if len(run) == 2 else 'to'} {run[-1]}"
