"""What a model is asked to explain a face: about its covered copies, its members, its landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.explanation.explained_face import Explanation
from fer_ensemble.explanation.occlusion import occlusion_map
from fer_ensemble.explanation.voices import (
    Combine,
    MemberVoice,
    TraitVoice,
    member_voices,
    trait_voices,
)
from fer_ensemble.pixels import check_faces


class FaceExplainer:
    """Explains what a classifier says of faces.

    Parameters
    ----------
    classifier : classifier
        Fitted, with a ``predict_proba`` that takes faces of shape (n_samples, side, side), uint8.
        Of an ensemble of this package, exported or not, members and landmarks are explained too.
    class_names : sequence of str
        Names of its classes, in the order of the columns.
    fill, patch, stride
        As of :func:`~fer_ensemble.explanation.occlusion_map`.

    Examples
    --------
    >>> class Sure:
    ...     def predict_proba(self, X):
    ...         return np.tile([0.9, 0.1], (len(X), 1))
    >>> explainer = FaceExplainer(Sure(), ["happy", "sad"])
    >>> found = explainer.explain(np.zeros((48, 48), np.uint8))
    >>> found.label, found.probability, float(found.map.max())
    ('happy', 0.9, 0.0)
    """

    def __init__(
        self,
        classifier: Any,
        class_names: Sequence[str],
        *,
        fill: str = "blur",
        patch: int | None = None,
        stride: int | None = None,
    ) -> None:
        self._classifier = classifier
        self._names = list(class_names)
        self._covering: dict[str, Any] = {"fill": fill, "patch": patch, "stride": stride}
        self._members = _members_of(classifier)

    def explain(self, face: ArrayLike, label: str | None = None) -> Explanation:
        """Explain what the classifier says of a face.

        Parameters
        ----------
        face : array-like of shape (side, side)
            Pixels from 0 to 255, of the size that the classifier takes.
        label : str, optional
            The label to explain, such as one that the classifier did not choose. By default the
            most probable.

        Returns
        -------
        Explanation

        Raises
        ------
        ValueError
            If there is no such label, the face is none, or the classifier refuses it.
        """
        [pixels] = check_faces(np.asarray(face)[None], "An explanation")
        if label is not None and label not in self._names:
            raise ValueError(f"label={label!r}: choose one of {', '.join(self._names)}.")
        probabilities = self._ask(pixels[None])[0]
        column = int(probabilities.argmax()) if label is None else self._names.index(label)
        voices, traits = self._hear(pixels, column)
        return Explanation(
            label=self._names[column],
            probability=float(probabilities[column]),
            probabilities=dict(zip(self._names, probabilities.tolist(), strict=True)),
            face=pixels,
            map=occlusion_map(self._ask, pixels, column, **self._covering),
            members=voices,
            landmarks=traits,
        )

    def _ask(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        probabilities = np.asarray(self._classifier.predict_proba(faces), np.float64)
        if probabilities.shape != (len(faces), len(self._names)):
            raise ValueError(
                f"The classifier gave an array of shape {probabilities.shape} for {len(faces)} "
                f"faces: one column for each of {', '.join(self._names)} is expected."
            )
        return probabilities

    def _hear(
        self, face: NDArray[np.uint8], column: int
    ) -> tuple[tuple[MemberVoice, ...], tuple[TraitVoice, ...]]:
        if not self._members:
            return (), ()
        names, members = zip(*self._members, strict=True)
        [said] = self._classifier.predict_member_proba(face[None])
        combine: Combine = self._classifier.combine
        classes = self._classifier.classes_
        return (
            member_voices(said, names, combine, column),
            trait_voices(face, members, said, classes, combine, column),
        )


def _members_of(classifier: Any) -> list[tuple[str, Any]]:
    """Names and members of an ensemble whose predictions alone make its answer; else none."""
    if getattr(classifier, "passthrough", False) or not hasattr(classifier, "predict_member_proba"):
        return []
    members = getattr(classifier, "exported_members", None)
    return list(classifier.members_ if members is None else members)
