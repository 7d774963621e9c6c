"""No float touches an amount: neither in the code nor in a column."""

import ast
import re

import pytest
from sqlalchemy import CHAR, BigInteger, CheckConstraint, Float

from models import Base
from tests.architecture.source_tree import ROOT, python_files

BUSINESS = ("app", "billing", "models", "tasks")
MONEY = re.compile(r"(?:^|_)(?:amount|balance|credits?|fee|minor|money|price|refund(?:ed)?|subtotal|tax|total)(?:_|$)")


def name_of(node: ast.AST | None) -> str:
    """Return the name that an expression reads, or nothing."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return name.lower()
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name.lower()
    return ""


def is_money(node: ast.AST | None) -> bool:
    return bool(MONEY.search(name_of(node)))


def says_float(annotation: ast.AST | None) -> bool:
    return annotation is not None and any(
        isinstance(part, ast.Name) and part.id == "float" for part in ast.walk(annotation)
    )


def offends(node: ast.AST) -> bool:
    """Say whether the node makes, annotates or computes an amount as a float."""
    match node:
        case ast.AnnAssign(target=target, annotation=annotation):
            return is_money(target) and says_float(annotation)
        case ast.arg(annotation=annotation):
            return is_money(node) and says_float(annotation)
        case ast.Call(func=ast.Name(id="float"), args=[value, *_]):
            return any(is_money(part) for part in ast.walk(value))
        case ast.Call(func=ast.Name(id="round"), args=[value, *_]):
            return any(is_money(part) for part in ast.walk(value))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return is_money(left) or is_money(right)
        case ast.BinOp(left=left, right=ast.Constant(value=float())):
            return is_money(left)
        case ast.BinOp(left=ast.Constant(value=float()), right=right):
            return is_money(right)
    return False


def offences(code: str) -> list[int]:
    """Return the lines on which an amount becomes a float."""
    return [getattr(node, "lineno", 0) for node in ast.walk(ast.parse(code)) if offends(node)]


def test_no_amount_is_a_float() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files(*BUSINESS)
        for line in offences(path.read_text(encoding="utf-8"))
    ]

    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "amount: float = 1",
        "def pay(*, amount_minor: float) -> None: ...",
        "def pay(price: float | None) -> None: ...",
        "x = float(payment.amount_minor)",
        "x = float(body['amount'])",
        "x = round(total * rate)",
        "x = amount_minor / 100",
        "x = invoice.total_amount * 1.2",
        "x = 0.2 * subtotal",
    ],
)
def test_a_float_amount_is_noticed(code: str) -> None:
    assert offences(code) == [1]


@pytest.mark.parametrize(
    "code", ["timeout_seconds: float = 1", "x = amount_minor // 100", "x = elapsed / count", "x = amount * quantity"]
)
def test_other_numbers_are_left_alone(code: str) -> None:
    assert offences(code) == []


def test_no_column_is_a_float() -> None:
    floats = [
        str(column) for table in Base.metadata.tables.values() for column in table.columns if is_float(column.type)
    ]

    assert floats == []


def is_float(column_type: object) -> bool:
    return isinstance(column_type, Float) and column_type.asdecimal is False


def test_an_amount_is_a_whole_number_of_minor_units_beside_its_currency() -> None:
    for table in Base.metadata.tables.values():
        if table.name.startswith("credit_"):  # credits are an asset of their own, and never money
            continue
        amounts = [column for column in table.columns if MONEY.search(column.name) and column.name.startswith("amount")]
        if "asset" in table.columns:  # credits are no money: an amount of the ledger stands beside its asset
            assert not table.columns["asset"].nullable, table.name
            assert all(isinstance(column.type, BigInteger) and not column.nullable for column in amounts), table.name
            continue
        for column in amounts:
            assert column.name.endswith("_minor"), column
            assert isinstance(column.type, BigInteger), column
            # There may be none (of a coupon by percent): then neither has a currency, which a check sees to.
            assert column.nullable == table.columns["currency"].nullable, column
        if amounts:
            assert isinstance(table.columns["currency"].type, CHAR), table.name
            if table.columns["currency"].nullable:
                (amount,) = amounts
                beside = f"({amount.name} IS NULL) = (currency IS NULL)"
                checks = {str(rule.sqltext) for rule in table.constraints if isinstance(rule, CheckConstraint)}
                assert beside in checks, table.name
