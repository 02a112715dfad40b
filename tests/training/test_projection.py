"""Principal components, held to scikit-learn's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models.evaluation.figures import scatter
from models.evaluation.projection import FILE, principal_plane

LABELS = np.arange(200) % 7


def vectors() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12)) + rng.normal(size=12)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_plane_should_be_scikit_learns(kind: type[np.floating]) -> None:
    rows = vectors().astype(kind)
    found, theirs = principal_plane(rows, LABELS), PCA(svd_solver="full").fit(rows.astype(float))
    assert found.explained == pytest.approx(theirs.explained_variance_ratio_, abs=1e-12)
    assert found.components == pytest.approx(theirs.components_[:2], abs=1e-9)
    wanted = theirs.transform(rows.astype(float))[:, :2]
    assert found.coordinates == pytest.approx(wanted, abs=1e-9)
    shares = np.cumsum(theirs.explained_variance_ratio_)
    assert found.numbers() == {
        "explained_by_2": pytest.approx(shares[1]),
        "components_of_90_percent": 1 + int((shares < 0.9).sum()),
    }
    with np.load(io.BytesIO(found.files()[FILE])) as kept:
        assert (kept["coordinates"] == found.coordinates).all()
        assert (kept["labels"] == LABELS).all()


def test_vectors_in_one_direction_should_need_one_component() -> None:
    line = np.outer(np.arange(9.0), np.ones(4))
    numbers = principal_plane(line, LABELS[:9]).numbers()
    assert numbers == {"explained_by_2": pytest.approx(1), "components_of_90_percent": 1}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (np.ones((9, 4)), "All vectors are the same"),
        (np.ones((2, 4)), r"needs 3 rows of 2 columns at least, and has \(2, 4\)"),
        (np.full((9, 4), np.nan), "not finite"),
    ],
)
def test_what_has_no_plane_should_be_refused(rows: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        principal_plane(rows, LABELS[: len(rows)])


def test_a_scatter_should_have_the_colours_of_its_labels_in_their_places() -> None:
    sheet = scatter(np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), np.array([0, 1, 1]))
    assert sheet.shape == (360, 360, 3)
    low, high = sheet[-60:, :60], sheet[:60, -60:]
    colours = [{tuple(each) for each in part.reshape(-1, 3).tolist()} for part in (low, high)]
    assert all(len(each) == 2 for each in colours)
    assert colours[0] & colours[1] == {(255, 255, 255)}
