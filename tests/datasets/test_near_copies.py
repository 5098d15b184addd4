import cv2
import numpy as np
import pytest

from fer_ensemble.datasets import find_near_copies


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    """Random textures, coarse and fine, none like another."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(40, 48, 48)).astype(np.float32)
    layers = [np.stack([cv2.GaussianBlur(a, (0, 0), blur) for a in noise]) for blur in (1.5, 4)]
    textures = sum(layer / layer.std() for layer in layers)
    return np.clip(128 + 30 * textures, 0, 255).astype(np.uint8)


def _watermarked(face: np.ndarray) -> np.ndarray:
    marked = cv2.putText(face.copy(), "stock", (4, 28), cv2.FONT_HERSHEY_PLAIN, 0.8, 255)
    return cv2.addWeighted(face, 0.7, marked, 0.3, 0)


def _compressed(face: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


CHANGES = {
    "mirrored": lambda face: face[:, ::-1],
    "darker": lambda face: (face * 0.5).astype(np.uint8),
    "compressed": _compressed,
    "watermarked": _watermarked,
    "shifted": lambda face: np.roll(face, (1, -1), axis=(0, 1)),
    "blurred": lambda face: cv2.GaussianBlur(face, (0, 0), 0.8),
    "mirrored and shifted": lambda face: np.roll(face[:, ::-1], 1, axis=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photograph_is_known_again(photographs: np.ndarray, change: str) -> None:
    changed = CHANGES[change](photographs[7])
    found = find_near_copies(np.concatenate([photographs, changed[np.newaxis]]))
    assert found.pairs.tolist() == [[7, 40]]
    assert found.mirrored.tolist() == ["mirrored" in change]
    assert 0.65 <= found.similarity[0] <= 1


def test_other_photographs_are_not_taken_for_copies(photographs: np.ndarray) -> None:
    assert len(find_near_copies(photographs)) == 0


def test_a_pair_is_found_once_though_it_is_its_own_mirror_image(photographs: np.ndarray) -> None:
    symmetric = np.concatenate([photographs[3][:, :24], photographs[3][:, 23::-1]], axis=1)
    found = find_near_copies(np.stack([symmetric, _compressed(symmetric)]))
    assert found.pairs.tolist() == [[0, 1]]


def test_blank_and_nearly_blank_faces_are_in_no_pair() -> None:
    faces = np.full((4, 48, 48), 90, np.uint8)
    faces[2:, 0, 0] = 91
    faces[3, 5, 5] = 92
    assert len(find_near_copies(faces)) == 0
    assert find_near_copies(faces[:0]).pairs.shape == (0, 2)


def test_more_faces_than_are_compared_at_once(photographs: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    many = rng.integers(0, 256, (700, 48, 48), dtype=np.uint8)
    many[[3, 690]] = photographs[0], _watermarked(photographs[0])
    many[[620, 10]] = photographs[1], photographs[1][:, ::-1]
    found = find_near_copies(many)
    assert found.pairs.tolist() == [[3, 690], [10, 620]]
    assert found.mirrored.tolist() == [False, True]


def test_the_threshold_is_a_least_similarity(photographs: np.ndarray) -> None:
    pair = np.stack([photographs[0], _watermarked(photographs[0])])
    similarity = find_near_copies(pair).similarity[0]
    assert len(find_near_copies(pair, threshold=similarity - 0.01)) == 1
    assert len(find_near_copies(pair, threshold=similarity + 0.01)) == 0
    for threshold in (0, 1.5):
        with pytest.raises(ValueError, match="take a similarity above 0"):
            find_near_copies(pair, threshold=threshold)
