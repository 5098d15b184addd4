"""Pictures among faces that are none: drawings, signs, what a site shows for a missing picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.blazeface import BlazeFaceDetector
from fer_ensemble.features import HOG

# Of pictures, how many are looked at by the detector: those that resemble the others least.
_SHARE = 0.02
# Gradients of faces vary in so many directions, of which their landmarks' places are the first.
_DIRECTIONS = 60
_FEWEST = 20


def unlike_faces(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Say of each picture how little it is like a face.

    Two judges have to agree. Histograms of gradients (HOG) of most pictures are well put together
    from a few principal components of all; the fiftieth part that are put together worst are shown
    to BlazeFace, and count only if it does not find one face from edge to edge. Either alone errs
    too often on faces as small as these.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
        Mostly faces.

    Returns
    -------
    ndarray of shape (n_samples,)
        From just above 0 to 1, which the picture that resembles the others least has; 0 for all
        that pass for faces. All zeros for fewer than 20 pictures, which say little of each other.
    """
    doubt = np.zeros(len(images))
    if len(images) < _FEWEST:
        return doubt
    from sklearn.decomposition import PCA

    features = HOG().fit(images[:1]).transform(images)
    # Few, or what is odd among few pictures would have a component of its own.
    n_components = min(_DIRECTIONS, len(images) // 20)
    components = PCA(n_components, random_state=0).fit(features)
    rebuilt = components.inverse_transform(components.transform(features))
    errors = ((features - rebuilt) ** 2).sum(axis=1)
    # Blank pictures have no gradients, and differ from all others by this alone.
    n_odd = max(1, round(_SHARE * len(images)))
    odd = np.argsort(-errors, kind="stable")[:n_odd]
    detector = BlazeFaceDetector()
    for place, row in enumerate(odd):
        if not detector.fills(images[row]):
            doubt[row] = 1 - place / n_odd
    return doubt
