"""For each rule of the catalog's tables, statements that break it, as in broken_rows.py.

A published row is not changed at all: what breaks a rule is added.
"""

from tests.migrations.valid_rows import A, B

_FEATURE = (
    "INSERT INTO plan_features (version_id, feature, limit_value, unlimited, text_value) "
    f"VALUES ('{A}', 'users', {{values}})"
)
_VERSION = (
    "INSERT INTO plan_versions (id, plan_id, number, trial_days, credits_per_month, credits_unlimited, "
    f"credits_roll_over_max, published_at) VALUES ('{B}', '{A}', {{number}}, {{values}}, now())"
)


def _price(**columns: str) -> str:
    """Return the statement that adds a price which is valid but for these columns, given as SQL."""
    return _insert(
        "prices",
        {
            "version_id": f"'{A}'", "interval": "'year'", "currency": "'USD'", "scheme": "'flat'", "unit_amount": "1",
            "tax_behavior": "'exclusive'",
            **columns,
        },
    )  # fmt: skip


def _coupon(**columns: str) -> str:
    """Return the statement that adds a coupon which is valid but for these columns, given as SQL."""
    valid = {"code": "'TEN'", "name": "''", "percent_off": "10", "duration": "'once'", "active": "true"}
    return _insert("coupons", {**valid, **columns})


def _insert(table: str, columns: dict[str, str]) -> str:
    every = {"id": "gen_random_uuid()", **columns, "created_at": "now()"}
    return f"INSERT INTO {table} ({', '.join(every)}) VALUES ({', '.join(every.values())})"


CHECKS = {
    "ck_coupons_amount_off_beside_its_currency": [
        _coupon(percent_off="NULL", amount_off_minor="1"),
        _coupon(currency="'USD'"),
    ],
    "ck_coupons_amount_off_positive": [_coupon(percent_off="NULL", amount_off_minor="0", currency="'USD'")],
    "ck_coupons_code_is_a_word": [_coupon(code="'coupon_1'"), _coupon(code="''")],
    "ck_coupons_currency_iso4217": [_coupon(percent_off="NULL", amount_off_minor="1", currency="'usd'")],
    "ck_coupons_duration_known": [_coupon(duration="'a while'")],
    "ck_coupons_duration_months_positive": [_coupon(duration="'repeating'", duration_months="0")],
    "ck_coupons_percent_off_in_range": [
        _coupon(percent_off="0"),
        _coupon(percent_off="100.01"),
        _coupon(percent_off="'NaN'"),
    ],
    "ck_coupons_percent_or_amount": [
        _coupon(percent_off="NULL"),
        _coupon(amount_off_minor="1", currency="'USD'"),
    ],
    "ck_coupons_redemptions_max_positive": ["UPDATE coupons SET redemptions_max = 0"],
    "ck_coupons_repeating_for_months": [_coupon(duration="'repeating'"), _coupon(duration_months="3")],
    "ck_plan_features_limit_in_range": [
        _FEATURE.format(values="-1, false, NULL"),
        _FEATURE.format(values="1000000000000000001, false, NULL"),
    ],
    "ck_plan_features_one_value": [
        _FEATURE.format(values="NULL, false, NULL"),
        _FEATURE.format(values="1, true, NULL"),
        _FEATURE.format(values="1, false, 'x'"),
    ],
    "ck_plan_versions_credits_counted_or_unlimited": [
        _VERSION.format(number=2, values="NULL, NULL, false, NULL"),
        _VERSION.format(number=2, values="NULL, 100, true, NULL"),
    ],
    "ck_plan_versions_credits_not_negative": [_VERSION.format(number=2, values="NULL, -1, false, NULL")],
    "ck_plan_versions_number_positive": [_VERSION.format(number=0, values="NULL, 1, false, NULL")],
    "ck_plan_versions_roll_over_of_counted_credits": [_VERSION.format(number=2, values="NULL, NULL, true, 1")],
    "ck_plan_versions_roll_over_positive": [_VERSION.format(number=2, values="NULL, 1, false, 0")],
    "ck_plan_versions_trial_days_not_negative": [_VERSION.format(number=2, values="-1, 1, false, NULL")],
    "ck_plans_code_is_a_word": [
        "UPDATE plans SET code = 'plan_pro' WHERE code = 'pro'",
        "UPDATE plans SET code = '' WHERE code = 'pro'",
    ],
    "ck_plans_kind_known": ["UPDATE plans SET kind = 'gift'"],
    "ck_prices_component_is_a_word": [_price(component="'Base fee'"), _price(component="''")],
    "ck_prices_currency_iso4217": [_price(currency="'usd'")],
    "ck_prices_interval_known": [_price(interval="'day'")],
    "ck_prices_last_tier_is_open": [
        _price(scheme="'volume'", unit_amount="NULL", tiers=tiers)
        for tiers in ("'[]'", "'{}'", "'1'", "'null'", "'[{}]'", """'[{"up_to": null}, {"up_to": 10}]'""")
    ],
    "ck_prices_package_size_positive": [_price(scheme="'package'", package_size="0")],
    "ck_prices_packages_have_a_size": [_price(scheme="'package'"), _price(package_size="10")],
    "ck_prices_scheme_known": [_price(scheme="'auction'")],
    "ck_prices_tax_behavior_known": [_price(tax_behavior="'free'")],
    "ck_prices_tiers_with_their_schemes": [
        _price(scheme="'graduated'", unit_amount="NULL"),
        _price(tiers="""'[{"up_to": null}]'"""),
    ],
    "ck_prices_unit_amount_in_range": [
        _price(unit_amount="-0.00000001"),
        _price(unit_amount="999999999999.1"),
        _price(unit_amount="'NaN'"),
    ],
    "ck_prices_unit_amount_without_tiers": [
        _price(unit_amount="NULL"),
        _price(scheme="'volume'", tiers="""'[{"up_to": null}]'"""),
    ],
    "ck_prices_usage_is_multiplied": [_price(meter="'tokens'")],
}
UNIQUES = {
    "uq_coupons_code": _coupon(code="'FIVE'"),
    "uq_plan_versions_plan_id_number": _VERSION.format(number=1, values="NULL, 1, false, NULL"),
    "uq_plans_code": "UPDATE plans SET code = 'pro'",
    "uq_prices_list": _price(interval="'month'"),
}
