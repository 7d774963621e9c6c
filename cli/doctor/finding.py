"""What a check found."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check: a verdict, what was seen, and what mends it."""

    check: str
    verdict: Verdict
    seen: str
    mend: str | None = None


def ok(check: str, seen: str) -> Finding:
    """Return a finding of something that is as it has to be."""
    return Finding(check=check, verdict="ok", seen=seen)


def warning(check: str, seen: str, *, mend: str) -> Finding:
    """Return a finding of something that works, but not as it should."""
    return Finding(check=check, verdict="warning", seen=seen, mend=mend)


def failed(check: str, seen: str, *, mend: str) -> Finding:
    """Return a finding of something that has to be mended."""
    return Finding(check=check, verdict="failed", seen=seen, mend=mend)


def not_checked(check: str, seen: str, *, mend: str) -> Finding:
    """Return the finding that there was nothing to look at."""
    return Finding(check=check, verdict="not checked", seen=seen, mend=mend)
