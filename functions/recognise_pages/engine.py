"""RapidOCR with the models of its package: PP-OCRv6 small, on one core.

Every path is given, so that nothing is ever downloaded. The classifier that turns single lines is
left out: it turns some that are upright. A page is turned as a whole, if at all.
https://rapidai.github.io/RapidOCRDocs/
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from chalicelib.errors import ModelFailure
from functions.recognise_pages.text import Point, RecognisedLine, confidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rapidocr import RapidOCR

    from functions.recognise_pages.pictures import Picture

_DETECTED_SIDE = 1_280
"""Pixels of the longer side at which text is detected; it is read from the whole picture."""
_MARGIN = 2.0
"""How far the box around a line is extended: tight ones cut off letters at the ends."""
_LONGEST_SIDE = 4_000
"""More than any picture has, so that pictures are not reduced again before text is read."""
_SECOND_LOOK = 900
"""Pixels of the longer side of the reduced picture, if nothing was found at first."""
_STANDING = 0.85
"""A page with a lower confidence than this may be upside down."""
_UPRIGHT = 1.5
_LONG = 2


def recognise(picture: Picture) -> Sequence[RecognisedLine]:
    """Return the lines of text on a picture; a sideways or upside-down one is turned first.

    Raises:
        ModelFailure: the model failed on the picture.
    """
    lines = _read(picture) or _read(_from_afar(picture))
    if not lines or (confidence(lines) >= _STANDING and not _lies_on_its_side(lines)):
        return lines
    import numpy as np

    turns = (1, 3) if _lies_on_its_side(lines) else (2,)
    turned = [_read(np.ascontiguousarray(np.rot90(picture, turn))) for turn in turns]
    return max([lines, *turned], key=_certainty)


def _from_afar(picture: Picture) -> Picture:
    """Return a reduced picture, on which a single line of a page is detected more reliably."""
    import cv2
    import numpy as np

    scale = min(1.0, _SECOND_LOOK / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _read(picture: Picture) -> list[RecognisedLine]:
    from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError
    from rapidocr.utils.output import RapidOCROutput

    try:
        output = _engine()(picture)
    except ONNXRuntimeError as error:
        raise ModelFailure("The model cannot read the picture of the page.") from error
    if not isinstance(output, RapidOCROutput) or output.boxes is None:
        return []
    read = zip(output.boxes, output.txts or (), output.scores or (), strict=True)
    return [RecognisedLine(_corners(box), text, float(score)) for box, text, score in read]


def _corners(box: NDArray[np.float32]) -> tuple[Point, Point, Point, Point]:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return first, second, third, fourth


def _lies_on_its_side(lines: Sequence[RecognisedLine]) -> bool:
    """Return whether most boxes of more than one letter are higher than wide."""
    long = [line for line in lines if len(line.text) > _LONG]
    upright = sum(_height(line) > _UPRIGHT * _width(line) for line in long)
    return bool(long) and upright * 2 > len(long)


def _certainty(lines: Sequence[RecognisedLine]) -> float:
    return 0.0 if _lies_on_its_side(lines) else confidence(lines)


def _width(line: RecognisedLine) -> float:
    across = [corner[0] for corner in line.corners]
    return max(across) - min(across)


def _height(line: RecognisedLine) -> float:
    down = [corner[1] for corner in line.corners]
    return max(down) - min(down)


@functools.cache
def _engine() -> RapidOCR:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    models = files("rapidocr") / "models"
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            "Global.use_cls": False,
            "Global.max_side_len": _LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECTED_SIDE,
            "Det.unclip_ratio": _MARGIN,
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
        }
    )
