"""The page of a report: one file, with everything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_ensemble.evaluation.report import tables, wording
from fer_ensemble.evaluation.report.content import ReportContent
from fer_ensemble.evaluation.report.mistakes import find_mistakes, picture_uri
from fer_ensemble.evaluation.report.picture import Picture
from fer_ensemble.evaluation.report.pictures import list_pictures

_TEMPLATE = "report.html.j2"


def render_report(content: ReportContent, *, n_mistakes: int = 24) -> str:
    """Write a report as one page that needs no network and no script.

    Parameters
    ----------
    content : ReportContent
    n_mistakes : int, default=24
        How many of the surest mistakes to show.

    Returns
    -------
    str
        HTML, with style and pictures inside; the same for the same content.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(_TEMPLATE)
    return template.render(
        content=content,
        tables=_lay_out(content),
        pictures=_by_section(list_pictures(content)),
        mistakes=_show_mistakes(content, n_mistakes),
        tell=wording,
    )


def save_pictures(content: ReportContent, folder: Path) -> list[Path]:
    """Write the pictures of a report as PNG, 200 dots per inch.

    Parameters
    ----------
    content : ReportContent
    folder : Path
        Made if need be.

    Returns
    -------
    list of Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [picture.save(folder) for picture in list_pictures(content)]


def _lay_out(content: ReportContent) -> dict[str, Any]:
    combining = content.combining
    laid = {
        "counts": tables.count_table(content.data),
        "balance": {
            name: tables.balance_table(name, *counts)
            for name, counts in content.data.balance.items()
        },
        "members": tables.member_table(content.members, combining.best_member if combining else ""),
        "measures": tables.measure_table(content.scores, content.new_scores),
        "classes": tables.class_table(content.scores),
        "confusion": tables.confusion_table(content.scores),
        "coverage": tables.coverage_table(content.scores),
        **tables.recipe_tables(content),
    }
    if combining is not None:
        laid |= {
            "rules": tables.rule_table(combining, content.rule),
            "pairs": tables.pair_table(combining.pairs),
            "contributions": tables.contribution_table(combining),
        }
    return laid


def _by_section(pictures: list[Picture]) -> dict[str, list[Picture]]:
    sections: dict[str, list[Picture]] = {}
    for picture in pictures:
        sections.setdefault(picture.section, []).append(picture)
    return sections


def _show_mistakes(content: ReportContent, n_mistakes: int) -> list[dict[str, str]]:
    found = find_mistakes(content.labels, content.probabilities, content.classes, n_mistakes)
    return [
        {
            "uri": picture_uri(content.faces[mistake.row]),
            "truth": content.class_names[mistake.truth],
            "predicted": content.class_names[mistake.predicted],
            "confidence": f"{mistake.confidence:.2f}",
            "name": str(content.names[mistake.row]),
        }
        for mistake in found
    ]
