import numpy as np

from experiments import detectors
from fer_ensemble.faces import FaceBox


def test_faces_are_those_that_two_detectors_agree_on() -> None:
    face, near = FaceBox(10, 10, 40, 40, 0.9), FaceBox(13, 8, 42, 38, 0.5)
    other, large = FaceBox(200, 10, 40, 40, 0.9), FaceBox(0, 0, 120, 120, 0.9)
    assert detectors._agreed([[face, other], [near], [large]]) == [face]
    assert detectors._agreed([[face], []]) == []


def test_scenes_show_faces_where_their_squares_are() -> None:
    faces = np.full((3, 48, 48), 255, np.uint8)
    for colour in (False, True):
        picture, boxes = detectors._scene(faces, 60, colour, np.random.default_rng(0))
        assert picture.shape == ((512, 512, 3) if colour else (512, 512))
        assert len(boxes) == 9
        for box in boxes:
            face = picture[int(box.y) : int(box.y) + 60, int(box.x) : int(box.x) + 60]
            assert (face.reshape(60, 60, -1)[..., -1] == 255).all()


def test_a_mask_covers_the_lower_half_alone() -> None:
    picture = np.zeros((100, 100), np.uint8)
    covered, box = detectors._cover(picture, FaceBox(20, 20, 40, 40, 1.0))
    rows, columns = np.nonzero(covered)
    assert (rows.min(), rows.max()) == (42, 59)
    assert (columns.min(), columns.max()) == (22, 57)
    assert not picture.any()
    assert box == FaceBox(20, 20, 40, 40, 1.0)
