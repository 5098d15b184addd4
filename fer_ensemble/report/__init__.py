"""A page about a saved ensemble, measured on test faces: `write_report` does it all."""

from fer_ensemble.report.content import (
    CombiningContent,
    DataContent,
    MemberContent,
    PairContent,
    RecipeContent,
    ReportContent,
)
from fer_ensemble.report.gathering import find_trainings, gather_content
from fer_ensemble.report.page import (
    Mistake,
    find_mistakes,
    render_report,
    save_pictures,
    write_report,
)

__all__ = [
    "CombiningContent",
    "DataContent",
    "MemberContent",
    "Mistake",
    "PairContent",
    "RecipeContent",
    "ReportContent",
    "find_mistakes",
    "find_trainings",
    "gather_content",
    "render_report",
    "save_pictures",
    "write_report",
]
