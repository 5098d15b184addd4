"""BlazeFace: a network of 0.3 MB that finds faces and their eyes, shipped with the package."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, Framing, overlap, tilt
from fer_ensemble.faces.scales import ScalingDetector, brighten
from fer_ensemble.onnx_graph import Session

#: The network, which ``python -m experiments.blazeface_graph`` converts, and its hash.
GRAPH = Path(__file__).with_name("blazeface.onnx")
SHA256 = "1e53b26afaead77477b4ebb47217eb6049b93f3ee8367ab78f654d1f75d18d1e"

# Steps of the network's two grids in pixels, and how many boxes it proposes in each cell.
_GRIDS = ((16, 2), (32, 6))

# Proposals that overlap so far are of one face.
_SAME_FACE = 0.3

# Proposals from this score on are looked at again, one by one.
_CANDIDATE = 0.3

# Those that a second look finds less sure than this are dropped without a look at the mirror image.
_PLAUSIBLE = 0.45

# Side of the views in which a candidate is looked at again, and of its box in the near and in the
# far one, in pixels. Other things that look like a face seldom do at two sizes.
_VIEW, _NEAR, _FAR = 128, 80, 44
# So many are looked at together.
_AT_ONCE = 16

# Side of a picture in the view where it is asked whether it is one face, from which score on
# proposals count there, and from which score on the answer is yes. How often it is, measures
# ``experiments/detectors.py``: of nine in ten faces of Training with margins up to a fifth, most
# others of which are then found by a search, and of hardly any part of a picture without faces.
_CROP, _FAINT, _FILLS = 88, 0.05, 0.3

# What the network takes for a value of zero: what lies beyond the picture's edge.
_GRAY = 127


class BlazeFaceDetector(ScalingDetector):
    """Finds faces and their eyes with one small network [1]_, which onnxruntime runs.

    The network is MediaPipe's for back cameras; it is applied to scales and tiles of the picture,
    as it is to all of it. Boxes have eyes; their score is the network's, between `min_score` and 1.
    May be used by several threads at once.

    Parameters
    ----------
    min_face : int, optional
        Side of the smallest face to look for, in pixels. By default 20, and an 80th of the longer
        side of larger pictures than of 1600 pixels.
    min_score : float, default=0.6
        Faces of which the network is less sure are left out.

    Attributes
    ----------
    framing : Framing
        Median relation of its boxes to the squares of FER2013, on faces of Training
        (``experiments/framing.py``).

    Raises
    ------
    GraphError
        If the network's file is damaged, when it is first needed.
    ImportError
        If onnxruntime is not installed.

    References
    ----------
    .. [1] V. Bazarevsky, Y. Kartynnik, A. Vakunov, K. Raveendran and M. Grundmann. BlazeFace:
       sub-millisecond neural face detection on mobile GPUs. CVPR workshop on computer vision for
       augmented and virtual reality, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> BlazeFaceDetector().detect(np.zeros((120, 160), np.uint8))
    []
    """

    framing = Framing(right=-0.001, down=-0.09, scale=1.129)
    sure_score = 0.75
    smallest = 26
    longest_side = 2080
    whole_side = 144
    ratio = 3
    most_enlarged = 2

    def __init__(self, *, min_face: int | None = None, min_score: float = 0.6) -> None:
        import onnxruntime  # noqa: F401 - threads must not be the first to import it

        super().__init__(min_face=min_face)
        self.min_score = min_score
        self._session = Session(_read_graph, GRAPH.name)

    def fills(self, image: NDArray[np.uint8]) -> bool:
        """Say whether a picture is one face from edge to edge, as those cut out for data sets are.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        bool
            Whether a face is found in the middle whose square, as FER2013 would have cut it, has
            some three quarters of the picture's longer side or more.
        """
        height, width = image.shape[:2]
        side = max(height, width)
        # A face without surroundings is found less surely than it is here, where it can be nowhere
        # else; and the sizes of others are of no interest.
        square = FaceBox((width - side) / 2, (height - side) / 2, side, side, 1.0)
        view = _view(_colour(brighten(image)), _way_to_view(square, _CROP))
        scores = []
        for rows, chances in self._propose(np.stack([view, view[:, ::-1]]), _FAINT):
            boxes = blend(rows, chances)
            scores.append(max((box.score for box in boxes if _is_central(box)), default=0.0))
        return sum(scores) / 2 >= _FILLS

    def _search(self, image: NDArray[np.uint8], min_face: float) -> list[FaceBox]:
        colour = _colour(image)
        height, width = image.shape[:2]
        coarsest = _GRIDS[-1][0]
        shape = (1, -(-height // coarsest) * coarsest, -(-width // coarsest) * coarsest, 3)
        padded = np.full(shape, _GRAY, np.uint8)
        padded[0, :height, :width] = colour
        [(rows, scores)] = self._propose(padded, _CANDIDATE)
        # A scale gives faces below its smallest too, but less surely than the finer one before.
        large = self.framing.scale * np.sqrt(rows[:, 2] * rows[:, 3]) >= 0.7 * min_face
        return self._look_again(colour, blend(rows[large], scores[large]))

    def _look_again(self, colour: NDArray[np.uint8], candidates: list[FaceBox]) -> list[FaceBox]:
        """Judge candidates one by one: upright, from near, and mirrored from far."""
        faces = []
        for start in range(0, len(candidates), _AT_ONCE):
            some = candidates[start : start + _AT_ONCE]
            near = [_way_to_view(box, _NEAR) for box in some]
            seen = self._find_central(colour, near, _NEAR, _PLAUSIBLE)
            plausible = [place for place, face in enumerate(seen) if face]
            far = [_mirrored(_way_to_view(some[place], _FAR)) for place in plausible]
            mirrored = self._find_central(colour, far, _FAR, _CANDIDATE)
            for place, way, mirror in zip(plausible, far, mirrored, strict=True):
                face = seen[place]
                if face and mirror and (face.score + mirror.score) / 2 >= self.min_score:
                    faces.append(_mean(_from_view(face, near[place]), _from_view(mirror, way)))
        return faces

    def _find_central(
        self,
        colour: NDArray[np.uint8],
        ways: list[NDArray[np.float64]],
        side: int,
        min_score: float,
    ) -> list[FaceBox | None]:
        """Find the face in the middle of each view, where a box of some side was put."""
        if not ways:
            return []
        views = np.stack([_view(colour, way) for way in ways])
        proposed = self._propose(views, min_score)
        return [_central(blend(rows, scores), side) for rows, scores in proposed]

    def _propose(
        self, pictures: NDArray[np.uint8], min_score: float
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Proposals of at least a score in each picture: rows as `blend` has them, and scores."""
        outputs = self._session.opened.run(None, {"pictures": pictures})
        probable = [
            (1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80))))
            for logits in outputs[1::2]
        ]
        answers = []
        for picture in range(len(pictures)):
            rows, scores = [], []
            for (step, n), values, chances in zip(_GRIDS, outputs[::2], probable, strict=True):
                chance, shape = chances[picture], chances.shape[2:]
                kind, down, right = np.nonzero(chance >= min_score)
                chosen = values[picture].reshape(n, 8, 2, *shape)[kind, :, :, down, right]
                chosen = chosen.astype(np.float64)
                # All but the size, which comes second, is told from the middle of the cell.
                middles = (np.stack([right, down], axis=1) + 0.5) * step
                chosen[:, [0, 2, 3, 4, 5, 6, 7]] += middles[:, None]
                rows.append(chosen.reshape(-1, 16))
                scores.append(chance[kind, down, right])
            every, score = np.concatenate(rows), np.concatenate(scores)
            has_area = (every[:, 2:4] > 0).all(axis=1)
            answers.append((every[has_area], score[has_area]))
        return answers


def _read_graph() -> bytes:
    content = GRAPH.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{GRAPH} is damaged: install fer-ensemble again")
    return content


def blend(rows: NDArray[np.float64], scores: NDArray[np.float64]) -> list[FaceBox]:
    """Make one box of all proposals of a face: their mean, weighted by their scores.

    Parameters
    ----------
    rows : ndarray of shape (n_proposals, 16)
        Column and row of the middle, width, height, and columns and rows of six points, of which
        the first two are the eyes; in pixels.
    scores : ndarray of shape (n_proposals,)

    Returns
    -------
    list of FaceBox
        The surest first, each with the score of its surest proposal.
    """
    order = np.argsort(-scores, kind="stable")
    rows, scores = rows[order], scores[order]
    boxes = []
    while len(rows):
        corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
        same = overlap(corners, corners[0]) > _SAME_FACE
        x, y, width, height, *points = np.average(rows[same], axis=0, weights=scores[same]).tolist()
        eyes = ((points[0], points[1]), (points[2], points[3]))
        corner = (x - width / 2, y - height / 2)
        boxes.append(FaceBox(*corner, width, height, float(scores[0]), eyes))
        rows, scores = rows[~same], scores[~same]
    return boxes


def _colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Red, green and blue, as the network takes them."""
    return image[..., ::-1] if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _is_central(box: FaceBox) -> bool:
    """Whether a box of a view lies over all of the crop in it."""
    x, y = box.x + box.width / 2 - _VIEW / 2, box.y + box.height / 2 - _VIEW / 2
    return max(abs(x), abs(y)) < 0.22 * _CROP and 0.65 < box.width / _CROP < 1.2


def _way_to_view(box: FaceBox, side: int) -> NDArray[np.float64]:
    """Affine map that shows a candidate with level eyes in the middle of a small picture."""
    angle = tilt(box.eyes) if box.eyes else 0.0
    scale = side / math.sqrt(box.width * box.height)
    across, down = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[across, down], [-down, across]])
    middle = np.array([box.x + box.width / 2, box.y + box.height / 2])
    return np.column_stack([turn, _VIEW / 2 - turn @ middle])


def _view(colour: NDArray[np.uint8], way: NDArray[np.float64]) -> NDArray[np.uint8]:
    import cv2

    beyond = (_GRAY, _GRAY, _GRAY)
    view = cv2.warpAffine(colour, way, (_VIEW, _VIEW), flags=cv2.INTER_LINEAR, borderValue=beyond)
    return np.asarray(view, np.uint8)


def _central(boxes: list[FaceBox], side: int) -> FaceBox | None:
    """The surest box over the middle of a view, where a box of some side was put."""
    start = (_VIEW - side) / 2
    middle = np.array([start, start, side, side], float)
    for box in boxes:
        corners = np.array([[box.x, box.y, box.width, box.height]])
        if overlap(corners, middle)[0] > _SAME_FACE:
            return box
    return None


def _mirrored(way: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([[-1, 0, _VIEW], [0, 1, 0]]) @ np.vstack([way, [0, 0, 1]])


def _from_view(box: FaceBox, way: NDArray[np.float64]) -> FaceBox:
    """Bring a box from a view to the picture; its sides stay level."""
    turn = np.linalg.inv(way[:, :2])
    determinant = float(np.linalg.det(turn))
    scale = math.sqrt(abs(determinant))
    assert box.eyes is not None
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    # In a mirrored view each eye is where the other one would be.
    eyes = box.eyes if determinant > 0 else box.eyes[::-1]
    (x, y), left, right = ((turn @ (np.array(p) - way[:, 2])).tolist() for p in (middle, *eyes))
    width, height = box.width * scale, box.height * scale
    corner = (x - width / 2, y - height / 2)
    return FaceBox(*corner, width, height, box.score, ((left[0], left[1]), (right[0], right[1])))


def _mean(one: FaceBox, other: FaceBox) -> FaceBox:
    assert one.eyes is not None
    assert other.eyes is not None
    x, y, width, height, score = (
        (getattr(one, name) + getattr(other, name)) / 2
        for name in ("x", "y", "width", "height", "score")
    )
    left, right = np.mean([one.eyes, other.eyes], axis=0).tolist()
    return FaceBox(x, y, width, height, score, ((left[0], left[1]), (right[0], right[1])))
