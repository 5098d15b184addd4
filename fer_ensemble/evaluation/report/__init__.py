"""A page that tells all about a model's predictions. Knows arrays and plain values only."""

from fer_ensemble.evaluation.report.content import (
    CombiningContent,
    DataContent,
    MemberContent,
    PairContent,
    RecipeContent,
    ReportContent,
)
from fer_ensemble.evaluation.report.mistakes import Mistake, find_mistakes
from fer_ensemble.evaluation.report.page import render_report, save_pictures

__all__ = [
    "CombiningContent",
    "DataContent",
    "MemberContent",
    "Mistake",
    "PairContent",
    "RecipeContent",
    "ReportContent",
    "find_mistakes",
    "render_report",
    "save_pictures",
]
