"""Checks of the connection to Stripe: the key is accepted, and the clocks agree (signatures carry a time)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from billing.clock import utc_now
from cli.doctor.clocks import skew_finding
from cli.doctor.finding import Finding, failed, ok

TIMEOUT_SECONDS = 10.0
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def check_stripe(*, api_base: str, secret_key: str) -> list[Finding]:
    """List one customer: the smallest request that every key may make."""
    is_local = urlsplit(api_base).hostname in LOOPBACK_HOSTS
    try:
        answer = httpx.get(
            f"{api_base}/v1/customers",
            params={"limit": 1},
            headers={"Authorization": f"Bearer {secret_key}"},
            timeout=TIMEOUT_SECONDS,
            # A proxy of the environment is right for Stripe itself, and wrong for the sandbox on this machine.
            trust_env=not is_local,
        )
    except httpx.HTTPError as fault:
        return [failed("stripe", f"{api_base}: {fault}", mend="is the network there? For the sandbox: billing up")]
    findings = [_key_finding(answer=answer, api_base=api_base, secret_key=secret_key)]
    if "date" in answer.headers:
        theirs = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        findings.append(skew_finding("stripe clock", theirs=theirs, ours=_whole_seconds(utc_now())))
    return findings


def _key_finding(*, answer: httpx.Response, api_base: str, secret_key: str) -> Finding:
    mode = "test mode" if "_test_" in secret_key else "LIVE mode"
    if answer.status_code == 200:
        return ok("stripe", f"{api_base} accepts the key ({mode})")
    if answer.status_code == 401:
        return failed("stripe", f"{api_base} refuses the key", mend="correct STRIPE_SECRET_KEY")
    return failed("stripe", f"{api_base} answers {answer.status_code}", mend="read the key's permissions at Stripe")


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
