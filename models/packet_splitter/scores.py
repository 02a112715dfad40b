"""How well packets were split: first pages that were found, and documents that are wholly right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from chalicelib.extraction.packets.splitter import PacketPart
from models.packet_splitter.pages import PacketPages


def packet_scores(
    split: Iterable[tuple[PacketPages, Sequence[PacketPart]]],
) -> dict[str, float | int]:
    """Return shares over all packets; the first page of a file is never counted as found.

    Returns:
        `precision` and `recall` of first pages, `documents` and `packets` that are wholly right,
        and `documents_of_one_sender` of those in stacks of one sender, where there are any; with
        counts.
    """
    found = said = true = right = documents = stacked_right = stacked = whole = packets = 0
    for pages, parts in split:
        starts = [*pages.starts, len(pages.document.pages)]
        truth = set(pairwise(starts))
        answer = {(part.first - 1, part.last) for part in parts}
        begins, told = set(pages.starts[1:]), {part.first - 1 for part in parts[1:]}
        found += len(begins & told)
        said += len(told)
        true += len(begins)
        right += len(truth & answer)
        documents += len(truth)
        if pages.of_one_sender:
            stacked_right += len(truth & answer)
            stacked += len(truth)
        whole += truth == answer
        packets += 1
    shares = {
        "precision": (found, said),
        "recall": (found, true),
        "documents": (right, documents),
        "documents_of_one_sender": (stacked_right, stacked),
        "packets": (whole, packets),
    }
    return {
        **{name: round(part / all_, 4) for name, (part, all_) in shares.items() if all_},
        "documents_counted": documents,
        "packets_counted": packets,
    }
