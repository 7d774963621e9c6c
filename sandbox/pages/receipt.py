"""The receipt page, to which a charge's `receipt_url` leads."""

from sandbox.currencies import format_amount
from sandbox.pages.rendering import page
from sandbox.wire.messages import Request, Response
from sandbox.workbench import Workbench


def show_receipt(*, request: Request, workbench: Workbench) -> Response:
    """Return the receipt of a paid charge; its identifier in the address is what lets one in."""
    with workbench.work() as work:
        charge = work.find("charge", request.path.removeprefix("/receipts/"))
    if charge is None or not charge["paid"]:
        return page(template="missing.html", http_status=404, reason="There is no such receipt.")
    currency = charge["currency"]
    paid, refunded = (
        f"{format_amount(amount=charge[name], currency=currency)} {currency.upper()}"
        for name in ("amount_captured", "amount_refunded")
    )
    return page(
        template="receipt.html", charge_id=charge["id"], description=charge["description"], paid=paid, refunded=refunded
    )
