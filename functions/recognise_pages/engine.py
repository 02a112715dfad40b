"""RapidOCR with the models of its package: PP-OCRv6 small, on one core.

Every path is given, so that nothing is ever downloaded. The classifier that turns single lines is
left out: it turns some that are upright. A page is turned as a whole, if at all.
https://rapidai.github.io/RapidOCRDocs/
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from chalicelib.errors import ModelFailure
from functions.recognise_pages.letters import Corners, scaled, turned_back, words_of_line
from functions.recognise_pages.text import LETTERS, RecognisedLine, confidence

if TYPE_CHECKING:
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

    from chalicelib.documents.words import StandingWord
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

LettersOfLine = Sequence[tuple[str, float, Sequence[Sequence[float]] | None]]
"""Letters of a line, each with a score and the corners of its box."""


def recognise(picture: Picture) -> Sequence[RecognisedLine]:
    """Return the lines of text on a picture; a sideways or upside-down one is turned first.

    Raises:
        ModelFailure: the model failed on the picture.
    """
    lines = _read(picture) or _from_afar(picture)
    if not lines or (confidence(lines) >= _STANDING and not _lies_on_its_side(lines)):
        return lines
    turns = (1, 3) if _lies_on_its_side(lines) else (2,)
    turned = [_turned(picture, turn) for turn in turns]
    return max([lines, *turned], key=_certainty)


def _turned(picture: Picture, turns: int) -> list[RecognisedLine]:
    """Return the lines on a picture after quarter turns; their words are where they were before."""
    import numpy as np

    height, width = picture.shape[:2]
    lines = _read(np.ascontiguousarray(np.rot90(picture, turns)))
    return _with_words(lines, lambda word: turned_back(word, turns, width, height))


def _with_words(
    lines: Sequence[RecognisedLine], placed: Callable[[StandingWord], StandingWord]
) -> list[RecognisedLine]:
    return [replace(line, words=tuple(map(placed, line.words))) for line in lines]


def _from_afar(picture: Picture) -> list[RecognisedLine]:
    """Return the lines on a reduced picture, where a single one is detected more reliably."""
    import cv2
    import numpy as np

    scale = _SECOND_LOOK / max(picture.shape[:2])
    if scale >= 1:
        return []
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lines = _read(np.asarray(small, dtype=np.uint8))
    return _with_words(lines, lambda word: scaled(word, 1 / scale))


def _read(picture: Picture) -> list[RecognisedLine]:
    from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError
    from rapidocr.utils.output import RapidOCROutput as Output

    try:
        output = _with_letters(picture)
    except ONNXRuntimeError as error:
        raise ModelFailure("The model cannot read the picture of the page.") from error
    if not isinstance(output, Output) or output.boxes is None:
        return []
    read = zip(output.boxes, output.txts or (), output.scores or (), strict=True)
    letters = _LettersOfLines(_letters_of(output))
    return [_line(_corners(box), text, float(score), letters) for box, text, score in read]


def _with_letters(picture: Picture) -> object:
    """Return what the engine recognises, with the places of letters unless these fail.

    The package projects them by the corners of a line, which it cannot do where a speck of dust
    was taken for one; the lines themselves are the same without.
    """
    engine = _engine()
    try:
        return engine(picture, return_word_box=True, return_single_char_box=True)
    except (ArithmeticError, LookupError, ValueError):
        return engine(picture, return_word_box=False)


def _line(corners: Corners, text: str, score: float, letters: _LettersOfLines) -> RecognisedLine:
    boxes = letters.take(text)
    words = words_of_line(text, corners, boxes, score=score, height=LETTERS)
    return RecognisedLine(corners, text, score, words)


def _letters_of(output: RapidOCROutput) -> list[LettersOfLine]:
    """Return the letters of each line; the package's type for them is that of one line."""
    lines = (line for line in output.word_results if line and not isinstance(line[0], str))
    return cast("list[LettersOfLine]", list(lines))


@dataclass(slots=True)
class _LettersOfLines:
    """The places of letters, line by line; lines without any are missing from them."""

    lines: Sequence[LettersOfLine]
    at: int = 0

    def take(self, text: str) -> list[Corners]:
        """Return the boxes of the letters of the next line, none if it is not `text`."""
        if self.at == len(self.lines):
            return []
        line = self.lines[self.at]
        if "".join(letter for letter, _, _ in line) != "".join(text.split()):
            return []
        self.at += 1
        return [_corners(box) for _, _, box in line if box is not None]


def _corners(box: Iterable[Iterable[float]]) -> Corners:
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
