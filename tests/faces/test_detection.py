import pytest

from fer_ensemble.faces.detection import create_detector
from fer_ensemble.faces.haar import HaarDetector


def test_haar_by_name() -> None:
    detector = create_detector("haar", min_face=33)
    assert isinstance(detector, HaarDetector)
    assert detector.min_face == 33


@pytest.mark.parametrize("name", ["", "Haar", "yunet", "skip", "auto"])
def test_unknown_names_are_told_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ValueError, match=rf"no detector '{name}': use haar, mtcnn, yunet:MODEL"):
        create_detector(name)


def test_yunet_takes_its_file_from_the_name() -> None:
    with pytest.raises(ValueError, match=r"somewhere/net\.onnx: no such file"):
        create_detector("yunet:somewhere/net.onnx")
