"""The rows of a request: its pictures searched and its faces predicted, piece by piece."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass

import numpy as np

from fer_ensemble.faces import FindSets, name_optional
from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.faces.output import columns, row
from fer_ensemble.faces.prediction import label_faces
from fer_ensemble.serving.picture_search import Search, SearchThreads, divide
from fer_ensemble.serving.shared_models import SharedModel

# Pieces of a request that are in work at once: enough to fill a batch, and few enough that requests
# take turns and little is in memory.
_PIECES_AT_ONCE = 4


@dataclass(frozen=True)
class Answer:
    """What came out of a request.

    Parameters
    ----------
    body : bytes
        JSON of the model, the columns and the rows, without the braces around them.
    statuses : Counter of str
        How many rows have which status.
    pictures : Counter of str
        How many pictures and frames came to which status.
    """

    body: bytes
    statuses: Counter[str]
    pictures: Counter[str]


async def predict_pictures(
    pictures: list[GivenPicture],
    model: SharedModel,
    threads: SearchThreads,
    search: Search,
    min_confidence: float,
    find_sets: FindSets | None = None,
) -> Answer:
    """Predict the pictures of a request.

    Parameters
    ----------
    pictures : list of GivenPicture
        Emptied, so that what has been searched can be forgotten.
    model : SharedModel
    threads : SearchThreads
    search : Search
    min_confidence : float
        Faces of which the model is less sure get no label.
    find_sets : callable, optional
        Finds the labels that each face may well have.

    Returns
    -------
    Answer

    Raises
    ------
    Refusal
        413 if there are too many pictures.
    """
    optional = name_optional(None, find_sets)
    names = columns(model.class_names, optional=optional)
    pieces = list(divide(pictures))
    pictures.clear()
    free = asyncio.Semaphore(_PIECES_AT_ONCE)
    statuses: Counter[str] = Counter()
    by_picture: Counter[str] = Counter()

    async def predict_piece(place: int) -> bytes:
        async with free:
            piece, pieces[place] = pieces[place], []
            with model.searching():
                results = await threads.run(search, piece)
            faces = [found.face for result in results for found in result.faces]
            shape = (0, len(model.class_names))
            rows = await model.predict(np.stack(faces)) if faces else np.empty(shape)
        predictions = label_faces(
            results,
            rows,
            model.class_names,
            min_confidence=min_confidence,
            ties=model.abstains,
            find_sets=find_sets,
        )
        by_picture.update(result.status for result in results)
        texts = []
        for prediction in (one for of_picture in predictions for one in of_picture):
            statuses[prediction.status] += 1
            cells = dict(
                zip(names, row(prediction, model.class_names, optional=optional), strict=True)
            )
            texts.append(json.dumps(cells, ensure_ascii=False))
        return ", ".join(texts).encode()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(predict_piece(place)) for place in range(len(pieces))]
    finally:
        search.stopped = True
    head = f'"model": {json.dumps(model.name)}, "columns": {json.dumps(names)}, "rows": ['
    rows = b", ".join(part for task in tasks if (part := task.result()))
    return Answer(head.encode() + rows + b"]", statuses, by_picture)
