"""Runs beside each other on one page: error curves as in the paper's Figures 21 to 26, and tables."""

from archgen.report.page import page
from archgen.report.runs import CannotReport, RunRecord, read_run

__all__ = ["CannotReport", "RunRecord", "page", "read_run"]
