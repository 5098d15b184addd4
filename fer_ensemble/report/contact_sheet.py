"""Suspect labels as one page to look through and to decide on."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import DECISION_COLUMNS, EMOTIONS, Decisions
from fer_ensemble.report.page import picture_uri
from fer_ensemble.suspects import KINDS, SuspectLabels

_HERE = Path(__file__).parent
_KIND_NAMES = {
    "blank": "blank",
    "no_face": "no face is found",
    "copies": "copies carry other labels",
    "doubted": "the label is doubted",
}


def write_contact_sheet(
    found: SuspectLabels,
    out: str | os.PathLike[str] = "suspects.html",
    *,
    decisions: Decisions | None = None,
    most: int = 1000,
) -> Path:
    """Write a page that shows suspects, and on which they are decided on.

    The page is one file that needs no network. What is decided on it, by mouse or keys, is kept by
    the browser, and saved as a CSV that :func:`~fer_ensemble.datasets.read_decisions` reads.

    Parameters
    ----------
    found : SuspectLabels
    out : path-like, default='suspects.html'
        File to write; one that is there is replaced.
    decisions : Decisions, optional
        What ``found.decisions()`` returned, with decisions that are made already.
    most : int, default=1000
        How many suspects to show, the most suspect first.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If `most` is negative.
    OSError
        If it cannot be written.
    """
    file = Path(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, render_contact_sheet(found, decisions=decisions, most=most).encode())
    return file


def render_contact_sheet(
    found: SuspectLabels, *, decisions: Decisions | None = None, most: int = 1000
) -> str:
    """Write the page as a text.

    Parameters
    ----------
    found, decisions, most
        As of `write_contact_sheet`.

    Returns
    -------
    str
        HTML, with style, script and pictures inside; the same for the same suspects.

    Raises
    ------
    ValueError
        If `most` is negative.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if most < 0:
        raise ValueError(f"{most} suspects can't be shown: give 0 or more.")
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,  # files and data are named by users
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    entries = (decisions or found.decisions()).entries[:most]
    cards: list[dict[str, Any]] = [
        {
            "uri": picture_uri(found.faces.images[suspect.row]),
            "kinds": suspect.kinds,
            "entry": entry,
        }
        for suspect, entry in zip(found.suspects, entries, strict=False)
    ]
    script = (_HERE / "contact_sheet.js").read_text()
    listed = [entry.split + entry.name + entry.given + entry.suggested for entry in entries]
    return environment.get_template("contact_sheet.html.j2").render(
        found=found,
        cards=cards,
        columns=DECISION_COLUMNS,
        emotions=EMOTIONS,
        kinds={kind: _KIND_NAMES[kind] for kind in KINDS},
        kind_counts=Counter(kind for card in cards for kind in card["kinds"]),
        script=script,
        # The page's policy lets no other script run than this one.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        # By which the browser tells what was decided here from what was decided on other pages.
        key=hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16],
    )
