"""Expressions of the faces in pictures and videos, for Python users: all rows of a run at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain

from fer_ensemble.artifact import SetOptions
from fer_ensemble.faces import WINDOW, Detector, FaceClassifier, Input, Predictions
from fer_ensemble.prediction_run import PredictionRun


def predict_faces(
    paths: Input | Iterable[Input],
    model: str | os.PathLike[str] | FaceClassifier | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    shard: tuple[int, int] | None = None,
    detector: str | Detector = "auto",
    align: bool = True,
    min_face: int | None = None,
    min_score: float | None = None,
    max_faces: int | None = None,
    face_size: int | None = None,
    every: int = 1,
    batch_size: int = 256,
    n_jobs: int = -1,
    min_confidence: float = 0.0,
    coverage: float | None = None,
    set_method: str = "lac",
    class_conditional: bool = False,
    annotate_to: str | os.PathLike[str] | None = None,
    explain_to: str | os.PathLike[str] | None = None,
    track: bool = False,
    window: float = WINDOW,
    engine: str = "local",
    address: str | None = None,
) -> Predictions:
    """Predict the expression of each face in pictures and videos.

    All predictions are held in memory; of very many files, of a camera and of a stream without an
    end, which this function would gather for ever, take the batches of a `PredictionRun`.

    Parameters
    ----------
    paths : path-like, array, picture of Pillow's, bytes or binary file; or iterable of these
        Pictures, videos, folders of them and patterns; numbers of cameras ("0") and addresses
        ("rtsp://…", "https://…", and of object stores and HDFS, "s3://…"), so that names from
        strangers have to be checked first; see `PictureListing`. Or pictures themselves: arrays of
        shape (height, width) or (height, width, 3), in the order blue, green and red as OpenCV
        reads them, of values from 0 to 255 or 0.0 to 1.0; pictures of Pillow's; and files'
        contents. These are called "<array 0>" and the like, by their place.
    model : path-like, "fast" or classifier, optional
        By default the ensemble that comes with the package, with "fast" the quick network beside
        it; the folder of a saved ensemble; or a fitted classifier with ``classes_`` and a
        ``predict_proba`` that takes faces of shape (n_samples, size, size), uint8.
    out : path-like, optional
        File to which each batch is written as soon as it is predicted: .csv, .jsonl (or .ndjson)
        or .parquet; it may be at an address (``s3://bucket/rows.csv``). With the engine "ray" also
        a folder, by its name or an address that ends with ``/``, into which workers write Parquet
        files themselves, ``part-000000000.parquet`` and so on in the order of the inputs, and
        ``_SUCCESS`` at the end.
    resume : bool, default=False
        Whether to keep the rows that a run which was killed has left in `out` (CSV or JSON Lines),
        and predict the rest only; give the same paths and settings. The rows that are kept are in
        the file alone, not in what is returned.
    shard : (int, int), optional
        Predict one part of the inputs only, such as (2, 7) for the second of seven; all parts get
        the same paths and settings, and each writes its own `out`.
        :func:`~fer_ensemble.merge_shards` joins them.
    detector : str or Detector, default="auto"
        What finds the faces; see `FaceFinder`, also for `align` and `min_face`.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector finds eyes.
    min_face : int, optional
        Side of the smallest face, in pixels. By default 20, and more in large pictures.
    min_score : float, optional
        Faces of which the detector is less sure are left out; see the detector for what its scores
        mean.
    max_faces : int, optional
        Of each picture, the largest so many faces are predicted; 1 for its main face.
    face_size : int, optional
        Side of the faces that the model takes, in pixels. By default that of the saved ensemble;
        48 for a classifier.
    every : int, default=1
        Of so many frames of a video the first is searched.
    batch_size : int, default=256
        Faces predicted at once.
    n_jobs : int, default=-1
        Threads that decode and search; -1 for one on each of the processor's cores.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable than this get no label and the status
        "unsure".
    coverage : float, optional
        Share of the faces whose set of labels has to hold the true one, such as 0.9: each
        prediction gets its `labels`, one at least. That holds for faces taken and cut out as those
        were from which the model learned it, on average, and not for smoothed ones (`track`),
        whose sets are more often larger or smaller than they need be.
    set_method : {"lac", "aps", "raps"}, default="lac"
        How sets are made: the smallest on average; larger ones where it is harder to tell; or such
        without the largest. See :func:`~fer_ensemble.ensemble.learn_set_rule`.
    class_conditional : bool, default=False
        Whether `coverage` is to hold for the faces of each class, for larger sets.
    annotate_to : path-like, optional
        Folder for annotated copies: a JPEG of each picture, an MP4 of each video.
    explain_to : path-like, optional
        Folder for a picture of each face that shows what speaks for its label: see
        :func:`~fer_ensemble.explain`. Face 0 of ``a.png`` becomes ``a.png.0.png``, and of frame 12
        of ``clip.avi`` ``clip.avi/000012.0.png``. A face takes 170 predictions.
    track : bool, default=False
        Whether to follow the faces of videos by their boxes: each gets a number, in the column
        `track`, and its probabilities are smoothed over time, of which label, confidence and
        status follow. Pictures stand alone.
    window : float, default=0.5
        Seconds in which older probabilities lose all but 1/e of their weight, if `track`; see
        :class:`~fer_ensemble.faces.Tracker`. With 0 nothing is smoothed.
    engine : {"local", "ray"}, default="local"
        What predicts: this process; or the workers of a cluster of Ray, with the same rows in the
        same order. Each worker takes `n_jobs` processors, one by default, and sees the model and
        the inputs under the same names as this process.
    address : str, optional
        Of the cluster, as in "10.0.0.1:6379" or "ray://10.0.0.1:10001"; "auto" finds one that runs
        on this machine. By default that of the environment's ``RAY_ADDRESS``, or else one of this
        machine alone that is started for the while.

    Returns
    -------
    Predictions
        A `Prediction` for each face, and for each picture or frame without one. Its methods
        `write` and `to_frame` give the table that ``fer-ensemble predict`` writes.

    Raises
    ------
    ArtifactError
        If no ensemble is saved in `model`, or it is damaged, or the package came without weights,
        or nothing is known of held-out faces and there is a `coverage`.
    ClusterError
        If there is no cluster, its workers do not see the model or the inputs, or they die again
        and again over the same ones.
    MissingLibraryError
        If the model, the detector, the engine or the form of `out` needs a library that is not
        installed.
    OSError
        If `out` or an annotated copy cannot be written.
    ValueError
        If there is no such detector or engine, a setting is out of its range, or `out` cannot be
        resumed.
    """
    run = PredictionRun(
        paths,
        model,
        out=out,
        resume=resume,
        shard=shard,
        detector=detector,
        align=align,
        min_face=min_face,
        min_score=min_score,
        max_faces=max_faces,
        face_size=face_size,
        every=every,
        batch_size=batch_size,
        n_jobs=n_jobs,
        min_confidence=min_confidence,
        sets=None if coverage is None else SetOptions(coverage, set_method, class_conditional),
        annotate_to=annotate_to,
        explain_to=explain_to,
        track=track,
        window=window,
        engine=engine,
        address=address,
    )
    run.prepare()
    return Predictions(chain.from_iterable(run.batches()), run.class_names, optional=run.optional)
