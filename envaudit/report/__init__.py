"""The report in the formats people and programs read; each is a view of the same ``Report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.report.options import NORMAL, QUIET, VERBOSE, ReportOptions

if TYPE_CHECKING:
    from envaudit.model import Report

__all__ = ["NORMAL", "QUIET", "VERBOSE", "ReportOptions", "render"]


def render(report: Report, options: ReportOptions) -> str:
    """Return the whole report as text that ends with a line feed."""
    if options.format == "json":
        from envaudit.report import as_json  # noqa: PLC0415 - a run loads the one format it writes

        return as_json.render(report)
    from envaudit.report import as_text  # noqa: PLC0415

    return as_text.render(report, options)
