"""A release's evidence: a run as one archive, a statement of what it shows, signatures, and their verification."""

from bench.release.bundle import Bundle, make_bundle
from bench.release.signature import sign
from bench.release.verification import Verification, verify

__all__ = ["Bundle", "Verification", "make_bundle", "sign", "verify"]
