from .checks import Check, Diagnosis
from .examination import diagnose

__all__ = ["Check", "Diagnosis", "diagnose"]
