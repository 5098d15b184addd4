"""Pictures and videos: decoding them, finding faces, and predicting their expressions."""

from fer_ensemble.faces.addresses import is_local, locate, write_address
from fer_ensemble.faces.annotated_copies import Predicted, ShowPicture, name_of_copy
from fer_ensemble.faces.annotation import annotate
from fer_ensemble.faces.boxes import Detector, FaceBox, Framing, crop_face
from fer_ensemble.faces.contents import is_address, is_video
from fer_ensemble.faces.decode import UnreadableImage, decode_gray, decode_image, to_face
from fer_ensemble.faces.detectors import DetectorError, create_detector
from fer_ensemble.faces.finding import FINDING, FaceFinder, FindingOptions, FoundFace
from fer_ensemble.faces.grouping import Marked, gather_groups, mark_groups, select_shard
from fer_ensemble.faces.listing import Input, PictureListing
from fer_ensemble.faces.live import LiveSource, without_secrets
from fer_ensemble.faces.output import (
    Output,
    ParquetWriter,
    PredictionWriter,
    check_set_names,
    choose_writer,
    is_part_folder,
    name_optional,
    open_writer,
    printable_path,
)
from fer_ensemble.faces.prediction import FaceClassifier, FindSets, Prediction, predict_files
from fer_ensemble.faces.resuming import (
    KeptRows,
    check_same_settings,
    describe_settings,
    file_to_resume,
    keep_rows,
    restore_tracks,
)
from fer_ensemble.faces.shards import (
    RECORD_ENDING,
    ShardInputs,
    ShardRecord,
    digest_file,
    read_record,
    record_path,
)
from fer_ensemble.faces.table import Predictions
from fer_ensemble.faces.tracking import WINDOW, Tracker
from fer_ensemble.faces.video import Frame, read_frames

__all__ = [
    "FINDING",
    "RECORD_ENDING",
    "WINDOW",
    "Detector",
    "DetectorError",
    "FaceBox",
    "FaceClassifier",
    "FaceFinder",
    "FindSets",
    "FindingOptions",
    "FoundFace",
    "Frame",
    "Framing",
    "Input",
    "KeptRows",
    "LiveSource",
    "Marked",
    "Output",
    "ParquetWriter",
    "PictureListing",
    "Predicted",
    "Prediction",
    "PredictionWriter",
    "Predictions",
    "ShardInputs",
    "ShardRecord",
    "ShowPicture",
    "Tracker",
    "UnreadableImage",
    "annotate",
    "check_same_settings",
    "check_set_names",
    "choose_writer",
    "create_detector",
    "crop_face",
    "decode_gray",
    "decode_image",
    "describe_settings",
    "digest_file",
    "file_to_resume",
    "gather_groups",
    "is_address",
    "is_local",
    "is_part_folder",
    "is_video",
    "keep_rows",
    "locate",
    "mark_groups",
    "name_of_copy",
    "name_optional",
    "open_writer",
    "predict_files",
    "printable_path",
    "read_frames",
    "read_record",
    "record_path",
    "restore_tracks",
    "select_shard",
    "to_face",
    "without_secrets",
    "write_address",
]
