"""Rule: a decline code of the gateway in our words, and what the caller can do about it.

Codes and what they mean: Stripe's documentation, "Decline codes". What is not listed is treated as soft: it may be tried again.
"""

from enum import StrEnum
from typing import NamedTuple


class DeclineCategory(StrEnum):
    """Whether another try can help: soft may, hard cannot, action_required needs the customer, fraud must not be explained."""

    SOFT = "soft"
    HARD = "hard"
    ACTION_REQUIRED = "action_required"
    FRAUD = "fraud"


class Decline(NamedTuple):
    """One decline: the gateway's code, its category, a sentence for the customer and the next step for the caller."""

    code: str
    category: DeclineCategory
    message: str
    next_step: str

    def representation(self) -> dict[str, str]:
        """Return what callers see."""
        return {
            "code": self.code,
            "category": str(self.category),
            "message": self.message,
            "next_step": self.next_step,
        }


_OTHER_CARD = "Ask for another payment method."
_TRY_LATER = "Try again later, or ask for another payment method."
_CORRECT = "Let the customer correct the card's details, then confirm again."
_QUIET = "Treat it as a plain decline towards the customer; do not say why, and do not try this card again."

_SOFT: dict[str, tuple[str, str]] = {
    "generic_decline": ("The card was declined.", _TRY_LATER),
    "card_declined": ("The card was declined.", _TRY_LATER),
    "insufficient_funds": ("The card has insufficient funds.", _TRY_LATER),
    "processing_error": ("The card could not be processed just now.", "Try again in a few minutes."),
    "issuer_not_available": ("The card's bank could not be reached.", "Try again in a few minutes."),
    "try_again_later": ("The card's bank asks to try again later.", "Try again later."),
    "reenter_transaction": ("The payment could not be processed.", "Try again."),
    "approve_with_id": (
        "The payment could not be authorized.",
        "Try again; if it fails, ask the customer to call the bank.",
    ),
    "call_issuer": ("The card was declined.", "Ask the customer to call the card's bank."),
    "do_not_honor": ("The card was declined.", "Ask the customer to call the card's bank."),
    "do_not_try_again": ("The card was declined.", _OTHER_CARD),
    "card_velocity_exceeded": ("The card's limit is exceeded.", _TRY_LATER),
    "withdrawal_count_limit_exceeded": ("The card's limit is exceeded.", _TRY_LATER),
    "no_action_taken": ("The card was declined.", "Ask the customer to call the card's bank."),
    "not_permitted": ("The payment is not permitted.", "Ask the customer to call the card's bank."),
    "service_not_allowed": ("The card was declined.", "Ask the customer to call the card's bank."),
    "transaction_not_allowed": ("The card was declined.", "Ask the customer to call the card's bank."),
    "duplicate_transaction": ("The same payment was made a moment ago.", "Look whether the earlier payment succeeded."),
    "incorrect_cvc": ("The card's security code is incorrect.", _CORRECT),
    "invalid_cvc": ("The card's security code is incorrect.", _CORRECT),
    "incorrect_zip": ("The card's postal code is incorrect.", _CORRECT),
    "incorrect_number": ("The card's number is incorrect.", _CORRECT),
    "invalid_number": ("The card's number is incorrect.", _CORRECT),
    "invalid_expiry_month": ("The card's expiry month is incorrect.", _CORRECT),
    "invalid_expiry_year": ("The card's expiry year is incorrect.", _CORRECT),
    "invalid_amount": (
        "The amount is more than the card allows.",
        "Try a smaller amount, or ask for another payment method.",
    ),
}
_HARD: dict[str, tuple[str, str]] = {
    "expired_card": ("The card has expired.", _OTHER_CARD),
    "lost_card": ("The card was declined.", _QUIET),
    "stolen_card": ("The card was declined.", _QUIET),
    "pickup_card": ("The card cannot be used for this payment.", _QUIET),
    "restricted_card": ("The card cannot be used for this payment.", _OTHER_CARD),
    "card_not_supported": ("The card does not support this kind of payment.", _OTHER_CARD),
    "currency_not_supported": ("The card does not support this currency.", _OTHER_CARD),
    "invalid_account": ("The card, or its account, is invalid.", _OTHER_CARD),
    "new_account_information_available": ("The card, or its account, is invalid.", _OTHER_CARD),
    "revocation_of_all_authorizations": ("The card was declined.", _OTHER_CARD),
    "revocation_of_authorization": ("The card was declined.", _OTHER_CARD),
    "stop_payment_order": ("The card was declined.", _OTHER_CARD),
    "security_violation": ("The card was declined.", _OTHER_CARD),
    "testmode_decline": ("A test card was used with a live key.", "Use a real card."),
}
_ACTION_REQUIRED: dict[str, tuple[str, str]] = {
    "authentication_required": (
        "The bank asks the customer to authenticate.",
        "Bring the customer back on session and confirm again with a return_url.",
    ),
    "payment_intent_authentication_failure": (
        "The customer did not authenticate.",
        "Confirm again, so that the customer can authenticate, or ask for another payment method.",
    ),
    "setup_intent_authentication_failure": (
        "The customer did not authenticate.",
        "Confirm again, so that the customer can authenticate, or ask for another payment method.",
    ),
    "offline_pin_required": ("The card asks for its PIN.", _OTHER_CARD),
    "online_or_offline_pin_required": ("The card asks for its PIN.", _OTHER_CARD),
}
_FRAUD: dict[str, tuple[str, str]] = {
    "fraudulent": ("The card was declined.", _QUIET),
    "merchant_blacklist": ("The card was declined.", _QUIET),
}
_TABLE: dict[str, tuple[DeclineCategory, str, str]] = {
    code: (category, message, next_step)
    for category, codes in (
        (DeclineCategory.SOFT, _SOFT),
        (DeclineCategory.HARD, _HARD),
        (DeclineCategory.ACTION_REQUIRED, _ACTION_REQUIRED),
        (DeclineCategory.FRAUD, _FRAUD),
    )
    for code, (message, next_step) in codes.items()
}


def explain(code: str) -> Decline:
    """Return what a decline code means; an unknown one reads as a generic decline and keeps its code."""
    category, message, next_step = _TABLE.get(code, _TABLE["generic_decline"])
    return Decline(code=code, category=category, message=message, next_step=next_step)
