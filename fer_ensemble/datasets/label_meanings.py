"""What the labels of a data set mean: known data sets, and what a user says of others.

A name says what it means, a number does not: 1 is disgust in FER2013, surprise in RAF-DB, happiness
in AffectNet and anger in CK+.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fer_ensemble.datasets.dataset import DatasetError
from fer_ensemble.datasets.labels import EMOTIONS, is_number, named_emotion, spell_label
from fer_ensemble.suggestions import did_you_mean

#: How a user says what labels mean: the name of a known data set, pairs ``label=expression``, or
#: both, separated by commas; in Python a mapping as well. None stands for no expression of ours.
Classes = str | Mapping[str, str | None]

_FER2013 = {str(label): name for label, name in enumerate(EMOTIONS)}

#: What the labels of known data sets mean.
KNOWN_CLASSES: dict[str, dict[str, str | None]] = {
    # Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013.
    "fer2013": {**_FER2013},
    # Barsoum et al., ICMI 2016: the order of the votes.
    "ferplus": {
        "0": "neutral", "1": "happy", "2": "surprise", "3": "sad", "4": "angry", "5": "disgust",
        "6": "fear", "7": None,
    },
    # Li, Deng and Du, CVPR 2017.
    "rafdb": {
        "1": "surprise", "2": "fear", "3": "disgust", "4": "happy", "5": "sad", "6": "angry",
        "7": "neutral",
    },
    # Mollahosseini, Hasani and Mahoor, IEEE Transactions on Affective Computing, 2019. 7 is
    # contempt; 8 none, 9 uncertain and 10 no face.
    "affectnet": {
        "0": "neutral", "1": "happy", "2": "sad", "3": "surprise", "4": "fear", "5": "disgust",
        "6": "angry", "7": None, "8": None, "9": None, "10": None, "contempt": None, "none": None,
        "uncertain": None,
    },
    # Lucey et al., CVPR Workshops 2010. CK+48 has folders of these names.
    "ckplus": {
        "0": "neutral", "1": "angry", "2": None, "3": "disgust", "4": "fear", "5": "happy",
        "6": "sad", "7": "surprise", "contempt": None,
    },
    # Lyons et al., Face and Gesture 1998. The codes stand in the names of the files: KA.AN1.39.tiff
    "jaffe": {
        "an": "angry", "di": "disgust", "fe": "fear", "ha": "happy", "sa": "sad",
        "su": "surprise", "ne": "neutral",
    },
}  # fmt: skip

_OTHER_NAMES = {"raf": "rafdb", "ck": "ckplus", "ck48": "ckplus", "jafe": "jaffe", "fer": "fer2013"}
_NO_EXPRESSION = ("none", "contempt", "other", "unknown", "")
_LETTERS = re.compile(r"[^\W\d_]+")
_MOST_LISTED = 12


class UnknownLabelError(ValueError):
    """A label that is no expression; the message says what was seen, and what is accepted."""


class UnknownClassesError(DatasetError):
    """Labels are numbers, and nothing says what they mean."""


class LeftOutError(Exception):
    """A label that was said to be no expression of ours."""


def parse_classes(classes: Classes) -> dict[str, str | None]:
    """Read what labels mean.

    Parameters
    ----------
    classes : str or mapping
        A key of `KNOWN_CLASSES`; pairs such as ``"1=surprise,2=fear"``; or both:
        ``"fer2013,7=contempt"``. Or a mapping of labels to expressions. Faces whose expression is
        contempt, other, unknown or none are left out.

    Returns
    -------
    dict of str to (str or None)
        Names of `EMOTIONS` by label, with labels spelled as `spell_label` does.

    Raises
    ------
    ValueError
        If there is no such data set or expression, or a label is given two meanings.

    Examples
    --------
    >>> parse_classes("1=surprise, 2=Fear, 3=contempt")
    {'1': 'surprise', '2': 'fear', '3': None}
    >>> parse_classes("rafdb")["7"]
    'neutral'
    """
    if isinstance(classes, str):
        pairs = [pair for part in re.split("[,;]", classes) for pair in _pairs(part.strip())]
    elif isinstance(classes, Mapping):
        pairs = [(str(label), meaning) for label, meaning in classes.items()]
    else:
        raise ValueError(f"classes: {classes!r:.60} is neither a text nor a mapping; {_REMEDY}.")
    found: dict[str, str | None] = {}
    for label, meaning in pairs:
        key, name = spell_label(label), _emotion(meaning, label)
        if found.setdefault(key, name) != name:
            raise ValueError(f"classes: {label!r} is both {found[key]} and {name}. Delete one.")
    if not found:
        raise ValueError(f"classes: nothing is said in {classes!r}; {_REMEDY}.")
    return found


def format_classes(classes: Mapping[str, str | None]) -> str:
    """Write a mapping of labels as `parse_classes` reads it."""
    return ",".join(f"{label}={name or 'none'}" for label, name in classes.items())


@dataclass
class LabelReader:
    """Reads the labels of one source.

    Parameters
    ----------
    given : mapping, optional
        What the user says, as `parse_classes` returns it. It goes before everything else.
    remembered : mapping, optional
        What is asked where a label is not plain by itself: what was said when a model was fitted.
    is_fer2013 : bool, default=False
        Whether the source is laid out as FER2013, whose numbers are known.

    Attributes
    ----------
    used : bool
        Whether a label was read by what was remembered.
    numbers : Counter of str
        Numbers that nothing says the meaning of, and how often each was seen.
    """

    given: Mapping[str, str | None] = field(default_factory=dict)
    remembered: Mapping[str, str | None] = field(default_factory=dict)
    is_fer2013: bool = False
    used: bool = False
    numbers: Counter[str] = field(default_factory=Counter)

    def read(self, label: str) -> int:
        """Return the place of an expression in `EMOTIONS`.

        Raises
        ------
        LeftOutError
            If it is no expression of ours, as was said.
        UnknownLabelError
            If nothing says what it is.
        """
        key = spell_label(label)
        name = named_emotion(key)
        if key in self.given:
            name = self.given[key]
        elif key in self._fer2013:
            name = _FER2013[key]
        elif name is None and key in self.remembered:
            self.used = True
            name = self.remembered[key]
        elif name is None:
            # Where it was said what numbers mean, another one is a bad row, and not another code.
            if is_number(key) and not any(map(is_number, self.given)):
                self.numbers[key] += 1
            raise UnknownLabelError(self._unknown(label))
        if name is None:
            raise LeftOutError(label)
        return EMOTIONS.index(name)

    def knows(self, label: str) -> bool:
        """Whether a label is an expression, or was said to be none of ours."""
        key = spell_label(label)
        return key in self.given or key in self.remembered or named_emotion(key) is not None

    def read_file_name(self, name: str) -> int:
        """Return the expression whose code stands in a file's name, as in ``KA.AN1.39.tiff``.

        Codes are those of what was said, of letters alone: a number may count the faces.

        Raises
        ------
        LeftOutError, UnknownLabelError
            As `read`.
        """
        classes = self.given or self.remembered
        codes = {spell_label(run) for run in _LETTERS.findall(name)} & set(classes)
        if len(codes) != 1:
            raise UnknownLabelError(f"no expression's code in {name!r}")
        return self.read(codes.pop())

    def check(self, source: str) -> None:
        """Refuse a source whose numbers nothing says the meaning of.

        Raises
        ------
        UnknownClassesError
            With the numbers seen, and what to do.
        """
        if not self.numbers:
            return
        seen = sorted(self.numbers, key=int)
        listed = ", ".join(seen[:_MOST_LISTED]) + ", …" * (len(seen) > _MOST_LISTED)
        beyond = " beyond FER2013's 0 to 6" if self.is_fer2013 else ""
        raise UnknownClassesError(
            f"{source}: there are labels that are numbers{beyond} ({listed}; "
            f"{sum(self.numbers.values()):,} faces), and each data set numbers expressions in its "
            f"own way: {_REMEDY}."
        )

    def describe(self) -> str:
        """Say in a line by what labels were read; empty if by their names alone."""
        classes = self.given or (self.remembered if self.used else {})
        if not classes:
            return ""
        how = "given" if self.given else "of the model's fit"
        read = ", ".join(f"{label} {name or 'left out'}" for label, name in classes.items())
        return f"labels read by the classes {how}: {read}"

    def _unknown(self, label: str) -> str:
        shown = repr(label if len(label) <= 40 else label[:40] + "…")
        return f"unknown expression {shown}; accepted are {', '.join(self._accepted())}"

    def _accepted(self) -> Iterable[str]:
        return [*EMOTIONS, *self._fer2013, *self.given, *self.remembered]

    @property
    def _fer2013(self) -> Mapping[str, str | None]:
        """FER2013's numbers, where they are meant."""
        return _FER2013 if self.is_fer2013 and not any(map(is_number, self.given)) else {}


_REMEDY = (
    f"say what they mean with --classes {', '.join(KNOWN_CLASSES)}, or label by label, as in "
    '--classes "1=surprise,2=fear,…" (in Python: classes=…)'
)


def _pairs(part: str) -> Iterable[tuple[str, str | None]]:
    label, equals, meaning = part.partition("=")
    if equals:
        return [(label, meaning)]
    key = re.sub(r"[\W_]", "", part).lower()
    key = _OTHER_NAMES.get(key, key)
    if key in KNOWN_CLASSES:
        return list(KNOWN_CLASSES[key].items())
    if not key:
        return []
    raise ValueError(
        f"classes: {part!r} is neither LABEL=EXPRESSION nor a known data set; {_REMEDY}."
        + did_you_mean(part, KNOWN_CLASSES)
    )


def _emotion(meaning: str | None, label: str) -> str | None:
    # A mapping may have been read from a file: its values may be anything.
    text = "" if meaning is None else str(meaning)
    if text.strip().lower() in _NO_EXPRESSION:
        return None
    name = named_emotion(text)
    if name is None:
        raise ValueError(
            f"classes: {label:.40}={text:.40}: an expression is one of {', '.join(EMOTIONS)}; "
            "contempt, other or none leave those faces out." + did_you_mean(text, EMOTIONS)
        )
    return name
