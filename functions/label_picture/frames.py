"""Label the frames of one part of a film."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.shots import FrameLabels, LabelFramesRequest, LabelFramesResult
from chalicelib.retrieval.ids import frame_key, seen_key

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from functions.label_picture.core import PictureLabeller


def label_frames(
    request: LabelFramesRequest,
    objects: ObjectStore,
    labeller: PictureLabeller,
    clock: Callable[[], float],
    memory_gb: float,
) -> LabelFramesResult:
    """Write what is seen on the frames of a part into `seen.jsonl`.

    Raises:
        InvalidInput: a frame is damaged.
        ModelFailure: the model is missing or failed.
    """
    began = clock()
    place = (request.tenant, request.document_id, request.version, request.part)
    lines = [
        FrameLabels(
            frame=frame,
            labels=labeller.label_image(
                objects.read(request.bucket, frame_key(*place, frame))
            ).labels,
        )
        for frame in range(1, request.frames + 1)
    ]
    objects.write(request.bucket, seen_key(*place), dump_lines(lines), {"lines": str(len(lines))})
    used = spent(clock() - began, memory_gb)
    return LabelFramesResult(labelling=used.model_copy(update={"images": request.frames}))
