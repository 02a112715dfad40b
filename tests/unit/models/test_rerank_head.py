from __future__ import annotations

import numpy as np
import pytest

from models.rerank_head import QuestionList, learn_weights


def lists(count: int = 12) -> list[QuestionList]:
    """Return questions whose answer has the highest first feature; the second says nothing."""
    made = []
    for question in range(count):
        told = [[0.1 * ((at + question) % 5), float((at * 7) % 3)] for at in range(5)]
        gains = [2.0 if row[0] > 0.35 else 0.0 for row in told]
        made.append((np.array(told), np.array(gains)))
    return made


def test_what_tells_answers_apart_should_weigh_and_what_does_not_should_hardly() -> None:
    telling, idle = learn_weights(lists())
    assert telling > 5
    assert abs(idle) < 0.1 * telling


def test_the_same_questions_should_give_the_same_weights() -> None:
    assert learn_weights(lists()) == learn_weights(lists())


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_a_feature_s_scale_should_not_matter(scale: float) -> None:
    scaled = [(told * [scale, 1.0], gains) for told, gains in lists()]
    assert learn_weights(scaled)[0] * scale == pytest.approx(learn_weights(lists())[0], rel=0.1)


def test_a_feature_that_is_always_the_same_should_weigh_nothing() -> None:
    constant = [(np.hstack([told, np.ones((5, 1))]), gains) for told, gains in lists()]
    assert learn_weights(constant)[2] == 0
