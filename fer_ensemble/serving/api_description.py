"""The API as ``/openapi.json`` describes it: what is sent, what comes back, and every error."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

DESCRIPTION = """Labels the expressions of the faces in pictures.

Send pictures to `/v1/predict`, and one to `/v1/explain` to be told what spoke for a label. Nothing
of them is written to a disk or logged. Every error is JSON with a code, which programs know it by,
and a message that says what to do. An expression is not an emotion: see the limits that
`/v1/models` tells of each model.
"""

_PICTURE: dict[str, Any] = {"type": "string", "format": "binary"}

#: The bodies that `/v1/predict` takes.
PREDICT_BODY = {
    "requestBody": {
        "required": True,
        "description": "One picture itself, or one or many as the files of a form; what they are, "
        "their content tells. Names of files are texts in the column path, and nothing is opened "
        "by them. Each frame of an animated picture counts as a picture. Videos are not read.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": _PICTURE},
                    "minProperties": 1,
                    "description": "The fields may have any names; the order is kept.",
                }
            },
            "image/*": {"schema": _PICTURE},
            "application/octet-stream": {"schema": _PICTURE},
        },
    }
}


#: The bodies that `/v1/explain` takes.
EXPLAIN_BODY = {
    "requestBody": {
        "required": True,
        "description": "One picture, as `/v1/predict` takes it.",
        "content": PREDICT_BODY["requestBody"]["content"],
    }
}


class ErrorText(BaseModel):
    """What was wrong."""

    code: str = Field(description="What programs know it by.", examples=["body_too_large"])
    message: str = Field(description="What was wrong, and what to do.")


class Error(BaseModel):
    """A request that was not served."""

    error: ErrorText


class Row(BaseModel):
    """A face; or a picture or frame without one, and why. The columns of `fer-ensemble predict`."""

    model_config = ConfigDict(
        json_schema_extra={
            "patternProperties": {
                "^p_": {
                    "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}],
                    "description": "Probability of a class, such as p_happy; unrounded.",
                }
            }
        }
    )

    path: str = Field(description="Name of the picture, as it was sent.")
    frame: int | None = Field(description="Number of an animated picture's frame, from 0.")
    time: float | None = Field(description="Seconds from its beginning to the frame.")
    face: int | None = Field(description="Number of the face in its picture or frame, from 0.")
    x: float | None = Field(
        description="Left side of the face's box, in pixels; null if the picture was taken for it."
    )
    y: float | None = Field(description="Upper side of the box.")
    width: float | None
    height: float | None
    face_score: float | None = Field(description="How sure the detector is of the box.")
    label: str | None = Field(description="The most probable class; null if there is none.")
    confidence: float | None = Field(description="Its probability, from 0 to 1.", ge=0, le=1)
    labels: str | None = Field(
        default=None, description="All labels that the face may well have; only with coverage."
    )
    status: Literal["ok", "unsure", "no_face", "unreadable", "empty", "too_large"]
    reason: str | None = Field(description="Why there is no label, or what else is to be known.")


class PredictedRows(BaseModel):
    """The faces of a request's pictures, in the order of the pictures."""

    model: str = Field(description="Name of the model.")
    columns: list[str] = Field(description="Names in each row, in the order of predict's table.")
    rows: list[Row]


class MemberVoice(BaseModel):
    """What a member of the model had to say for the label."""

    name: str
    probability: float = Field(description="What it gives the label itself.", ge=0, le=1)
    without: float = Field(description="What the model would give the label if it knew nothing.")
    contribution: float = Field(description="What it adds to the log-odds of the label, in nats.")


class TraitVoice(BaseModel):
    """What a trait of the face's shape had to say for the label."""

    name: str = Field(examples=["mouth width"])
    value: float = Field(description="As a share of the distance of the eyes' outer corners.")
    reference: float = Field(description="The same of the mean face.")
    without: float = Field(description="What the model would give the label, were it the mean's.")
    contribution: float = Field(description="What it adds to the log-odds of the label, in nats.")


class Explained(BaseModel):
    """What speaks for the label of a face."""

    model: str
    label: str
    probability: float = Field(ge=0, le=1)
    probabilities: dict[str, float]
    map: list[list[float]] = Field(
        description="By rows of the face as the model saw it: what the log-odds of the label lose "
        "when the place is covered, in nats."
    )
    members: list[MemberVoice]
    landmarks: list[TraitVoice] = Field(description="Empty unless a member measures landmarks.")


class Unread(BaseModel):
    """The body is of another type; or none of its pictures could be read, and the rows say why."""

    error: ErrorText
    model: str | None = None
    columns: list[str] | None = None
    rows: list[Row] | None = None


class Accuracy(BaseModel):
    """Share of right labels on faces that the model was not fitted on, with Wilson's interval."""

    split: str
    n: int
    value: float = Field(ge=0, le=1)
    low: float = Field(description="Lower end of the interval at 95 %.")
    high: float


class LabelSets(BaseModel):
    """Which classes belong to the sets of a coverage, by the probabilities in a row."""

    coverage: float
    least_probability: float = Field(
        description="The most probable class belongs to the set, and each that is no less probable "
        "than this."
    )


class Model(BaseModel):
    """What a model says of itself."""

    name: str
    default: bool = Field(description="Whether requests that name none get it.")
    classes: list[str]
    members: list[str]
    rule: str = Field(description="How the members are combined.")
    face_size: int = Field(description="Side of the faces that it takes, in pixels.")
    accuracy: Accuracy | None
    label_sets: list[LabelSets] | None = Field(
        description="Null if no held-out faces are known, from which they are learned."
    )
    limits: str = Field(description="What it must not be used for.")
    card: str = Field(description="Address of its card.")


class Bounds(BaseModel):
    """What a request may hold."""

    body_bytes: int
    pictures: int
    pixels: int = Field(description="Of a picture.")


class Models(BaseModel):
    """The models of the server."""

    models: list[Model]
    bounds: Bounds


class Health(BaseModel):
    """Whether the server takes requests."""

    status: Literal["ok", "stopping"]
    version: str
    models: list[str]
    requests_in_work: int


_ERRORS = {
    400: "The body is malformed or holds no picture.",
    403: "A page of another site asks.",
    404: "There is nothing at this address.",
    405: "The address takes other methods.",
    408: "The request did not arrive in time.",
    413: "The body, its number of pictures or every picture is too large.",
    415: "The picture cannot be read.",
    421: "The server is not known by the name in the header Host.",
    422: "A parameter is not what it may be.",
    431: "The head of the request is too large.",
    500: "The server has failed.",
    503: "The server is busy; Retry-After says in how many seconds to ask again.",
    504: "The pictures could not be predicted in time.",
    505: "The request is of another version of HTTP than 1.0 and 1.1.",
}
_ALWAYS = (400, 403, 408, 421, 431, 500, 503, 505)


def responses(*statuses: int, **more: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Describe what a route may answer.

    Parameters
    ----------
    statuses : int
        Errors of this route, beside those that any may have.
    more : dict
        Other answers, by their status with an underscore before it, as in ``_200``.

    Returns
    -------
    dict
        As FastAPI takes it.
    """
    errors: dict[int | str, dict[str, Any]] = {
        status: {"model": Error, "description": _ERRORS[status]}
        for status in sorted({*_ALWAYS, *statuses})
    }
    return {**errors, **{int(status[1:]): answer for status, answer in more.items()}}


PREDICT_RESPONSES = responses(
    422,
    504,
    _200={"model": PredictedRows, "description": "A row for each face, in the pictures' order."},
    _413={"model": Unread, "description": _ERRORS[413]},
    _415={"model": Unread, "description": " ".join((Unread.__doc__ or "").split())},
)

EXPLAIN_RESPONSES = responses(
    413,
    415,
    422,
    504,
    _200={
        "model": Explained,
        "description": "Numbers; or a picture, if the header Accept asks for image/png.",
        "content": {"image/png": {"schema": _PICTURE}},
    },
)

CARD_RESPONSES = responses(
    404,
    422,
    _200={
        "description": "The card, in Markdown; as a fragment of HTML if the header Accept asks.",
        "content": {
            "text/markdown": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
        },
    },
)

METRICS_RESPONSES = responses(
    _200={
        "description": "Figures in Prometheus' text form.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
)

HEALTH_RESPONSES = responses(
    _200={"model": Health, "description": "The server takes requests."},
    _503={"model": Health, "description": "The server is about to end."},
)

# The parameters of a prediction.
ModelName = Annotated[
    str | None, Query(description="Name of a model; by default the first of the server.")
]
DetectorName = Annotated[
    str | None,
    Query(
        description="auto takes what was cut out for a data set for a face, and searches other "
        "pictures; skip takes every picture for one. By default the server's own."
    ),
]
FaceNumber = Annotated[
    int, Query(ge=0, description="Number of the face in its picture, as the column face has it.")
]
FrameNumber = Annotated[
    int | None,
    Query(ge=0, description="Of an animated picture; by default the first frame with faces."),
]
Label = Annotated[
    str | None, Query(description="The label to explain; by default the most probable.")
]
MinConfidence = Annotated[
    float,
    Query(ge=0, le=1, description="Faces of which the model is less sure are unsure: no label."),
]
Coverage = Annotated[
    float | None,
    Query(
        gt=0,
        lt=1,
        description="Gives each face the column labels: all that it may well have, most probable "
        "first (angry|sad), so that of faces like those of the training data this share has the "
        "true one among them.",
    ),
]
SetMethod = Annotated[
    Literal["lac", "aps", "raps"],
    Query(description="With coverage: how sets are made; as of fer-ensemble predict."),
]
ClassConditional = Annotated[
    bool, Query(description="With coverage: let it hold for each class. Sets become larger.")
]
MinFace = Annotated[
    int | None,
    Query(
        ge=1,
        le=100_000,
        description="Side of the smallest face to find, in pixels. By default 20, and more in "
        "large pictures.",
    ),
]
MinScore = Annotated[
    float | None,
    Query(
        allow_inf_nan=False, description="Faces of which the detector is less sure are left out."
    ),
]
MaxFaces = Annotated[
    int | None,
    Query(ge=1, le=100_000, description="Of each picture, no more than these: the largest."),
]
Turn = Annotated[
    bool, Query(description="Whether to turn pictures in which no face is sure otherwise.")
]
PictureName = Annotated[
    str, Query(max_length=1024, description="The path of a picture that is the whole body.")
]
