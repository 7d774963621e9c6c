"""CSV of the books: whole, and harmless to open in a spreadsheet."""

from datetime import UTC, datetime

from billing.ledger.balances import AccountBalance, AssetTotal, trial_balance
from billing.ledger.report import csv_of_entries, csv_of_trial_balance
from models.ids import new_id
from models.ledger import Account, EntryKind, LedgerEntry, LedgerPosting

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_reference_that_a_spreadsheet_would_calculate_is_a_text() -> None:
    entry = LedgerEntry(
        id=new_id(), key="k", kind=EntryKind.GATEWAY_FEE, occurred_at=NOW, recorded_at=NOW, reference="=1+1", lines=2
    )
    posting = LedgerPosting(entry_id=entry.id, line=1, account=Account.GATEWAY_FEES, asset="USD", amount=-5)

    _, line, end = csv_of_entries([entry], postings={entry.id: [posting]}).split("\r\n")

    assert line.endswith(",'=1+1,gateway_fees,USD,,0,5")
    assert end == ""


def test_the_trial_balance_adds_up_accounts_of_an_asset() -> None:
    found = trial_balance(
        [
            AccountBalance(Account.GATEWAY_CLEARING, "USD", 29, 9),
            AccountBalance(Account.REVENUE, "USD", 0, 29),
            AccountBalance(Account.REFUNDS, "USD", 9, 0),
            AccountBalance(Account.CREDITS_ISSUED, "credits", 5, 5),
        ]
    )

    assert found == [AssetTotal("USD", 38, 38), AssetTotal("credits", 5, 5)]
    assert csv_of_trial_balance(found) == "asset,debit,credit\r\nUSD,38,38\r\ncredits,5,5\r\n"


def test_a_balance_is_positive_on_the_accounts_normal_side() -> None:
    assert AccountBalance(Account.GATEWAY_CLEARING, "USD", 29, 9).balance == 20
    assert AccountBalance(Account.REVENUE, "USD", 2, 29).balance == 27
    assert AccountBalance(Account.CUSTOMER_CREDITS, "credits", 5, 3).balance == -2
