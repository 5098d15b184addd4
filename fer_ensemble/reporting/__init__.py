"""A page that tells all about a saved ensemble, measured on test faces."""

from fer_ensemble.reporting.gathering import gather_content
from fer_ensemble.reporting.writing import write_report

__all__ = ["gather_content", "write_report"]
