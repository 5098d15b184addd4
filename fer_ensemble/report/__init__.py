"""A page that tells all about a saved ensemble, measured on test faces."""

from fer_ensemble.report.content import (
    CombiningContent,
    DataContent,
    MemberContent,
    PairContent,
    RecipeContent,
    ReportContent,
)
from fer_ensemble.report.gathering import gather_content
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
    "gather_content",
    "render_report",
    "save_pictures",
    "write_report",
]
