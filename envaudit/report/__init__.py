"""The report in the formats people and programs read; each is a view of the same ``Report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.report.options import NORMAL, QUIET, VERBOSE, ReportOptions

if TYPE_CHECKING:
    from envaudit.model import Report

__all__ = ["NORMAL", "QUIET", "VERBOSE", "ReportOptions", "render"]


def render(report: Report, options: ReportOptions) -> str:
    """Return the whole report as text that ends with a line feed."""
    # A run loads the one format it writes; text, which most runs write, without the detour over a name.
    if options.format == "text":
        from envaudit.report import as_text  # noqa: PLC0415

        return as_text.render(report, options)
    import importlib  # noqa: PLC0415

    text: str = importlib.import_module(f"envaudit.report.as_{options.format}").render(report, options)
    return text
