"""Pictures of faces: finding, decoding and resizing them, and predicting from files."""

from fer_ensemble.faces.decode import UnreadableImage, decode_gray, to_face
from fer_ensemble.faces.files import FaceFile, read_face, read_faces
from fer_ensemble.faces.listing import PictureListing
from fer_ensemble.faces.output import choose_writer, open_writer
from fer_ensemble.faces.prediction import Prediction, predict_files
from fer_ensemble.faces.writers import PredictionWriter

__all__ = [
    "FaceFile",
    "PictureListing",
    "Prediction",
    "PredictionWriter",
    "UnreadableImage",
    "choose_writer",
    "decode_gray",
    "open_writer",
    "predict_files",
    "read_face",
    "read_faces",
    "to_face",
]
