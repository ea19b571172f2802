"""What came of a game day, for people (one HTML file), for CI (JUnit XML) and for programs (JSON)."""

from terrella.gameday.report.figures import json_report
from terrella.gameday.report.html import html_report
from terrella.gameday.report.junit import junit_report

__all__ = ["html_report", "json_report", "junit_report"]
