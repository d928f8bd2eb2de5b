"""The search for the first bad one of an ordered list of images."""

from bench.bisect.search import Found, Judgement, Search

__all__ = ["Found", "Judgement", "Search"]
