"""The pages of a test, compiled when this is imported: a process that is copied does it once for all its copies."""

from bench.report.rendering import compile_html

compile_html("measured.html", "timeline.html", "parts.html", "page.css")
