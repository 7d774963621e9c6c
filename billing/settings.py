"""Settings: environment variables, read once, checked before anything starts."""

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.dunning import DunningFinalAction
from models.money import UnknownCurrency, minor_unit_exponent
from models.subscription import UnpaidChange, UpgradeCredits

SECRET_LENGTH_MIN = 32


class Environment(StrEnum):
    """Where the service runs; stands for the specification's NODE_ENV."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class InvalidSettings(Exception):
    """The environment does not describe a service that may start; one line per fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _known_currency(value: str) -> str:
    code = value.upper()
    try:
        minor_unit_exponent(code)
    except UnknownCurrency:
        raise ValueError("takes an ISO 4217 currency code, such as USD") from None
    return code


def _credit_prices(value: object) -> object:
    if not isinstance(value, str):
        return value
    prices: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        currency, _, price = part.partition(":")
        if currency in prices:
            raise ValueError(f"has two prices in {currency}")
        prices[currency] = price
    return prices


def _priced_currencies(prices: dict[str, Decimal]) -> dict[str, Decimal]:
    if "USD" in prices:
        raise ValueError("takes no USD: CREDITS_PER_DOLLAR says what credits cost in dollars")
    if any(_known_currency(currency) != currency for currency in prices):
        raise ValueError("takes currencies in capital letters, as EUR:0.92,JPY:150")
    return prices


def _url(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        starts = " or ".join(f"{name}://" for name in schemes)
        try:
            parts = urlsplit(value.get_secret_value())
            whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:  # its text holds a part of the URL, which may be a part of the password
            whole = False
        if not whole:
            raise ValueError(
                f"takes a URL that starts with {starts} and names a host; in a password /, ?, #, @ are written %2F, %3F, %23, %40"
            )
        return value

    return check


def _prefixed(*prefixes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefixes):
            raise ValueError(f"takes a value that starts with {' or '.join(prefixes)}")
        return value

    return check


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _long_secrets(values: list[SecretStr]) -> list[SecretStr]:
    if not values or any(len(value.get_secret_value()) < SECRET_LENGTH_MIN for value in values):
        raise ValueError(f"takes one or more secrets of at least {SECRET_LENGTH_MIN} characters, comma-separated")
    return values


def _encryption_keys(values: list[SecretStr]) -> list[SecretStr]:
    if not values:
        raise ValueError("takes one or more keys of 32 bytes, base64 or hex, newest first, comma-separated")
    for value in values:
        encryption_key_bytes(value)
    return values


def encryption_key_bytes(value: SecretStr) -> bytes:
    """Return the 32 bytes of a key given as base64 or as 64 hexadecimal digits. Raises ValueError for anything else."""
    text = value.get_secret_value()
    try:
        raw = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 32:
        raise ValueError("takes one or more keys of 32 bytes, base64 or hex, newest first, comma-separated")
    return raw


PostgresUrl = Annotated[SecretStr, AfterValidator(_url("postgresql"))]
RedisUrl = Annotated[SecretStr, AfterValidator(_url("redis", "rediss"))]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Every setting of the service. A field's description is what `.env.example` and the reference page say."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,  # `NAME=` in a compose file means that it is not set
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    BILLING_ENV: Environment = Field(Environment.PRODUCTION, description="development, test or production")
    BILLING_SERVICE_HOST: str = Field("127.0.0.1", description="address that the API listens on")
    BILLING_SERVICE_PORT: Port = Field(3005, description="port that the API listens on")
    BILLING_WEB_WORKERS: int = Field(2, ge=1, le=64, description="API processes")
    BILLING_WEB_THREADS: int = Field(4, ge=2, le=64, description="threads in each API process")
    BILLING_TRUSTED_PROXIES: int = Field(
        0, ge=0, le=5, description="reverse proxies in front whose X-Forwarded-For counts"
    )
    BILLING_HOME: str = Field(".billing", description="folder for what the service keeps on disk")
    BILLING_LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level that is logged"
    )
    BILLING_LOG_FORMAT: Literal["auto", "json", "text"] = Field(
        "auto", description="json, text, or auto: text in a terminal, json elsewhere"
    )
    PROMETHEUS_MULTIPROC_DIR: str = Field(
        "", description="folder that all processes of one host share for their metrics"
    )

    DATABASE_URL: PostgresUrl = Field(description="Postgres, as postgresql://user:password@host:5432/database")
    DATABASE_POOL_SIZE: int = Field(5, ge=1, le=100, description="connections that one process keeps open")
    DATABASE_POOL_TIMEOUT_SECONDS: float = Field(1.0, gt=0, le=30, description="how long to wait for a free connection")
    DATABASE_STATEMENT_TIMEOUT_SECONDS: float = Field(10.0, gt=0, le=60, description="longest statement")
    REDIS_URL: RedisUrl = Field(description="locks and rate limits, on the broker's server")
    CELERY_BROKER_URL: RedisUrl = Field(
        SecretStr(""), validate_default=False, description="Celery's broker; default: REDIS_URL's server, database 0"
    )
    REDIS_CREDITS_URL: RedisUrl = Field(
        SecretStr(""),
        validate_default=False,
        description="credit balances; default: REDIS_URL's server, database 2; in production another server",
    )
    REDIS_CREDITS_CLUSTER: bool = Field(
        False, description="REDIS_CREDITS_URL names one node of a cluster (database 0); the others are found through it"
    )
    REDIS_TIMEOUT_SECONDS: float = Field(1.0, gt=0, le=10, description="longest wait for an answer of Redis in the API")
    CELERY_VISIBILITY_TIMEOUT_SECONDS: int = Field(
        300, ge=5, le=3600, description="after this long without an acknowledgement a message is delivered again"
    )

    WORK_LEASE_SECONDS: int = Field(
        45, ge=2, le=100, description="after this long without an outcome another worker takes accepted work over"
    )

    STRIPE_SECRET_KEY: Annotated[
        SecretStr, AfterValidator(_prefixed("sk_test_", "sk_live_", "rk_test_", "rk_live_"))
    ] = Field(description="Stripe's secret key; sk_test_ makes this a test installation")
    STRIPE_PUBLISHABLE_KEY: Annotated[SecretStr, AfterValidator(_prefixed("pk_test_", "pk_live_"))] = Field(
        description="Stripe's publishable key"
    )
    STRIPE_WEBHOOK_SECRET: Annotated[
        list[SecretStr], NoDecode, BeforeValidator(_comma_separated), AfterValidator(_long_secrets)
    ] = Field(description="whsec_… of the webhook endpoint; several, comma-separated, while rotating")
    STRIPE_API_BASE: str = Field(
        "https://api.stripe.com", pattern=r"^https?://", description="base address of Stripe's API"
    )
    STRIPE_TIMEOUT_SECONDS: float = Field(10.0, gt=0, le=25, description="longest wait for one answer of Stripe")
    ENCRYPTION_KEY: Annotated[
        list[SecretStr], NoDecode, BeforeValidator(_comma_separated), AfterValidator(_encryption_keys)
    ] = Field(description="32 bytes, base64 or hex; several, newest first, comma-separated, while rotating")
    API_KEY_PEPPER: SecretStr = Field(
        min_length=SECRET_LENGTH_MIN, description="secret under which API keys are hashed and customer tokens signed"
    )

    WEBHOOK_TOLERANCE_SECONDS: int = Field(
        300, ge=1, le=3600, description="how old or early a webhook's signature may be"
    )
    PAYMENT_RATE_LIMIT: int = Field(10, ge=1, description="POST /payments/* a minute, per customer and caller")
    WEBHOOK_RATE_LIMIT: int = Field(100, ge=1, description="POST /webhooks/* a second, per source")
    ENABLE_FRAUD_DETECTION: bool = Field(True, description="risk scores on payments")
    CREDITS_PER_DOLLAR: int = Field(100, ge=1, description="credits that one dollar buys")
    CREDIT_PRICES: Annotated[
        dict[str, Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]],
        NoDecode,
        BeforeValidator(_credit_prices),
        AfterValidator(_priced_currencies),
    ] = Field(
        {},
        description="what CREDITS_PER_DOLLAR credits cost in other currencies, as `EUR:0.92,JPY:150`; no price, no purchase",
    )
    PURCHASED_CREDITS_VALID_DAYS: int = Field(
        0, ge=0, le=3650, description="days until purchased credits expire; 0: never"
    )
    MIN_CREDIT_PURCHASE: int = Field(500, ge=1, description="fewest credits in one purchase")
    MAX_CREDIT_BALANCE: int = Field(1_000_000, ge=1, description="most credits that a customer may hold")
    CREDIT_ANSWERS_KEPT_HOURS: int = Field(
        24, ge=1, le=720, description="how long a repeated credit operation gets its first answer"
    )
    CREDIT_LAG_ALERT_SECONDS: int = Field(
        60,
        ge=1,
        description="how old the oldest credit operation that Postgres does not have may be, before /health says so",
    )
    USAGE_LATE_HOURS: int = Field(
        72, ge=1, le=8760, description="how long a usage event is taken after its own time; then its day is closed"
    )
    TRIAL_PERIOD_DAYS: int = Field(14, ge=0, le=730, description="length of a trial")
    GRACE_PERIOD_DAYS: int = Field(3, ge=0, le=90, description="days that features stay after a failed renewal")
    DUNNING_FINAL_ACTION: DunningFinalAction = Field(
        DunningFinalAction.CANCEL,
        description="what becomes of a subscription whose invoice no attempt has collected",
    )
    UNPAID_CHANGE: UnpaidChange = Field(
        UnpaidChange.ROLLBACK,
        description="what becomes of a change of plan whose payment is declined: `rollback`, or `wait` to be paid for 23 hours",
    )
    UPGRADE_CREDITS: UpgradeCredits = Field(
        UpgradeCredits.DIFFERENCE,
        description="credits of a better plan in the month in which it comes: the `difference`, that `prorated`, or `none`",
    )
    AUTO_RENEW: bool = Field(True, description="subscriptions renew unless canceled")
    INVOICE_PREFIX: str = Field("INV", pattern=r"^[A-Z0-9]{1,12}$", description="first part of invoice numbers")
    TAX_RATE: Decimal = Field(Decimal("0.20"), ge=0, lt=1, description="the rate where no better rule applies")
    CURRENCY: Annotated[str, AfterValidator(_known_currency)] = Field("USD", description="currency where none is said")
    OUTGOING_WEBHOOKS_ALLOW_PRIVATE: bool = Field(
        False, description="for local development: outgoing webhooks reach loopback and private addresses, and http://"
    )
    ENABLE_AUDIT_LOG: bool = Field(True, description="write the audit log")
    PCI_COMPLIANCE_MODE: bool = Field(True, description="refuse settings that PCI DSS forbids")
    GDPR_COMPLIANT: bool = Field(True, description="refuse settings that GDPR forbids")
    BILLING_FAIL_POINTS: str = Field(
        "", description="folder whose files make processes die at named points, for tests; refused with a live key"
    )

    FLOWER_BASIC_AUTH: SecretStr = Field(
        SecretStr(""), description="user:password of Flower; Flower does not start without"
    )
    FLOWER_PORT: Port = Field(5555, description="port that Flower listens on")
    FLOWER_ADDRESS: str = Field("127.0.0.1", description="address that Flower listens on")

    @property
    def livemode(self) -> bool:
        """Whether real money moves: an installation is wholly test or live, by STRIPE_SECRET_KEY."""
        return not self.STRIPE_SECRET_KEY.get_secret_value().startswith(("sk_test_", "rk_test_"))

    @property
    def mode(self) -> Literal["test", "live"]:
        """`test` or `live`, as API keys carry it."""
        return "live" if self.livemode else "test"

    @property
    def broker_url(self) -> str:
        """Where Celery's messages go."""
        return self.CELERY_BROKER_URL.get_secret_value() or _other_database(self.REDIS_URL, number=0)

    @property
    def credits_url(self) -> str:
        """Where credit balances live."""
        return self.REDIS_CREDITS_URL.get_secret_value() or _other_database(self.REDIS_URL, number=2)

    @property
    def encryption_keys(self) -> list[bytes]:
        """The keys of ENCRYPTION_KEY, newest first."""
        return [encryption_key_bytes(value) for value in self.ENCRYPTION_KEY]

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL with the driver that SQLAlchemy is to use."""
        return self.DATABASE_URL.get_secret_value().replace("postgresql://", "postgresql+psycopg://", 1)

    @model_validator(mode="after")
    def _rules_between_settings(self) -> Self:
        faults = []
        if self.PCI_COMPLIANCE_MODE and not self.ENABLE_AUDIT_LOG:
            faults.append("ENABLE_AUDIT_LOG: cannot be false while PCI_COMPLIANCE_MODE is true")
        if self.BILLING_FAIL_POINTS and self.livemode:
            faults.append("BILLING_FAIL_POINTS: cannot be set with a live key")
        publishable_is_test = self.STRIPE_PUBLISHABLE_KEY.get_secret_value().startswith("pk_test_")
        if publishable_is_test == self.livemode:
            faults.append("STRIPE_PUBLISHABLE_KEY: takes a key of the same mode, test or live, as STRIPE_SECRET_KEY")
        if self.OUTGOING_WEBHOOKS_ALLOW_PRIVATE and self.livemode:
            faults.append("OUTGOING_WEBHOOKS_ALLOW_PRIVATE: cannot be true in live mode; it is for local development")
        if self.BILLING_ENV is Environment.PRODUCTION and _server(self.credits_url) == _server(self.broker_url):
            faults.append(
                "REDIS_CREDITS_URL: in production takes another server than the broker's, because balances need "
                "appendfsync always and the broker does not"
            )
        if self.REDIS_CREDITS_CLUSTER and urlsplit(self.credits_url).path.strip("/") not in {"", "0"}:
            faults.append("REDIS_CREDITS_URL: names a node of a cluster, where the only database is 0")
        if faults:
            raise ValueError("\n".join(faults))
        return self


def _server(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 6379


def _other_database(url: SecretStr, *, number: int) -> str:
    return urlsplit(url.get_secret_value())._replace(path=f"/{number}").geturl()


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises InvalidSettings with one line per fault; a line names the variable and what it takes, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [_fault(dict(fault)).split("\n") for fault in error.errors(include_input=False)]
        raise InvalidSettings([line for lines in faults for line in lines]) from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the process's settings, read once."""
    return load_settings()


def _fault(error: dict[str, object]) -> str:
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return message
    name = str(location[0])
    field = Settings.model_fields.get(name)
    takes = f" ({field.description})" if field is not None and field.description else ""
    return f"{name}: is missing{takes}" if error["type"] == "missing" else f"{name}: {message}{takes}"
