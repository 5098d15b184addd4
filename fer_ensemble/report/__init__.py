"""Pages for people: on a saved ensemble, measured on test faces, and on suspect labels.

`write_report` and `write_contact_sheet` do it all.
"""

from fer_ensemble.report.contact_sheet import render_contact_sheet, write_contact_sheet
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
    "render_contact_sheet",
    "render_report",
    "save_pictures",
    "write_contact_sheet",
    "write_report",
]
