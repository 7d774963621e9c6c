"""Rule: a change as a preview shows it, and the token by which the change is asked for as it was shown."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from billing.errors import Conflict, FieldFault, Invalid
from billing.invoicing.draft import Computed
from billing.invoicing.issue import line_rows
from billing.invoicing.representation import line_content, tax_representation
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.quote import Quote, Wanted
from billing.timestamps import iso
from models.ids import public_id

# Long enough to be read and agreed to; until then nothing that was shown gets another price.
KEPT = timedelta(minutes=30)
_SALT = "billing-subscription-preview"


class PreviewOutdated(Conflict):
    """What was previewed would not come to the same any more, or the preview is too old."""

    code = "preview_outdated"


class PreviewTokenRefused(Invalid):
    """The token was not issued here, or for another subscription or another change."""

    code = "preview_token_refused"


class Previewed(NamedTuple):
    """What a token says: the moment that the preview was computed for, and a digest of what it showed."""

    at: datetime
    shown: str


def preview_representation(quoted: Quote) -> dict[str, object]:
    """Return what a change comes to as JSON-like data; amounts in minor units.

    Lines that wait for the next invoice cost nothing now: `amount_due` is 0, and `next_invoice` has them too.
    """
    following = quoted.following
    return {
        **_invoice(quoted.computed),
        **({"balance_amount": 0, "amount_due": 0} if quoted.waits else {}),
        "currency": quoted.computed.draft.currency,
        "effective_at": iso(quoted.effective_at),
        "period_start": iso(quoted.period.start),
        "period_end": iso(quoted.period.end),
        "next_invoice": None if following is None else {"at": iso(following.draft.at), **_invoice(following)},
    }


def issue_token(
    shown: dict[str, object], *, subscription_id: UUID, wanted: Wanted, at: datetime, now: datetime, key: str
) -> tuple[str, datetime]:
    """Return the token of a preview that was computed for `at`, and until when it is taken, in real time."""
    expires_at = (now + KEPT).replace(microsecond=0)
    claims = {
        "s": subscription_id.hex,
        "w": _digest(_asked(wanted)),
        "a": int(at.timestamp()),
        "d": _digest(shown),
        "e": int(expires_at.timestamp()),
    }
    return URLSafeSerializer(key, salt=_SALT).dumps(claims), expires_at


def read_token(token: str, *, subscription_id: UUID, wanted: Wanted, now: datetime, key: str) -> Previewed:
    """Return what a token says. Raises PreviewTokenRefused, PreviewOutdated where its time is over."""
    try:
        claims = URLSafeSerializer(key, salt=_SALT).loads(token)
        of, asked, expires = UUID(hex=claims["s"]), claims["w"], datetime.fromtimestamp(claims["e"], tz=now.tzinfo)
        previewed = Previewed(datetime.fromtimestamp(claims["a"], tz=now.tzinfo), claims["d"])
    except (BadData, KeyError, TypeError, ValueError):
        raise _refused("the preview_token was not issued here") from None
    if of != subscription_id:
        raise _refused(
            f"the preview_token is of another subscription than {public_id(SUBSCRIPTION_PREFIX, subscription_id)}"
        )
    if asked != _digest(_asked(wanted)):
        raise _refused("the preview_token is of another change: send the same fields with it as to the preview")
    if expires <= now:
        raise PreviewOutdated(f"the preview was good until {iso(expires)}: ask for another one")
    return previewed


def require_as_shown(previewed: Previewed, shown: dict[str, object]) -> None:
    """Raise PreviewOutdated unless the change comes to what the preview showed, to the cent."""
    if _digest(shown) != previewed.shown:
        raise PreviewOutdated("the change would not come to what the preview showed any more: ask for another one")


def _invoice(computed: Computed) -> dict[str, object]:
    totals = computed.totals
    return {
        "lines": [line_content(row) for row in line_rows(computed.draft)],
        "subtotal_amount": totals.subtotal,
        "discount_amount": totals.discount,
        "tax_amount": totals.tax,
        "taxes": [tax_representation(part) for part in computed.taxes],
        "total_amount": totals.total,
        "balance_amount": totals.balance,
        "amount_due": totals.amount_due,
    }


def _asked(wanted: Wanted) -> list[object]:
    return [
        wanted.plan,
        wanted.interval,
        wanted.quantity,
        sorted(wanted.addons.items()) if wanted.addons is not None else None,
        wanted.anchor_day,
        wanted.effective,
        wanted.proration,
        iso(wanted.proration_date),
    ]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _refused(detail: str) -> PreviewTokenRefused:
    return PreviewTokenRefused(detail, errors=[FieldFault("/preview_token", "refused", detail)])
