"""Pictures that explain what is predicted: one of each face, named by its input and its number."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.explanation.explainer import FaceExplainer
from fer_ensemble.faces import Predicted, name_of_copy


class ExplainedCopies:
    """Writes a picture of each face that is predicted, with what speaks for its label.

    Face 0 of a picture ``photos/a.png`` becomes ``photos/a.png.0.png`` below the folder; of page
    12 of ``text.tif``, and of frame 12 of a video, it becomes ``text.tif/000012.0.png``. Names are
    otherwise those of annotated copies.

    Parameters
    ----------
    folder : path-like
        Is made if it does not exist.
    classifier : classifier
        As of `FaceExplainer`.
    class_names : sequence of str
        Names of its classes, in the order of the columns.
    """

    def __init__(
        self, folder: str | os.PathLike[str], classifier: Any, class_names: Sequence[str]
    ) -> None:
        self._folder = Path(folder)
        self._explainer = FaceExplainer(classifier, class_names)

    def add(self, batch: Sequence[Predicted]) -> None:
        """Write the pictures of a batch.

        Parameters
        ----------
        batch : sequence of (SearchResult, sequence of Prediction)
            What was found in each picture or frame, and what is predicted of its faces. Of a face
            whose label is left empty, the most probable is explained.

        Raises
        ------
        OSError
            If a picture cannot be written.
        """
        import cv2

        for result, predictions in batch:
            if not result.faces:
                continue
            for number, (found, row) in enumerate(zip(result.faces, predictions, strict=True)):
                chances = row.probabilities or {}
                label = row.label or max(chances, key=lambda name: chances[name])
                drawn = self._explainer.explain(found.face, label).draw()
                target = self._folder / name_of_copy(result, f".{number}.png")
                target.parent.mkdir(parents=True, exist_ok=True)
                content = cv2.imencode(".png", drawn)[1].tobytes()
                write_atomically(target, content, lasting=False)
