"""Every environment variable the product reads, in one typed place; all that are wrong are named at once."""

import sys
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[2]
UNSAFE_SECRET_KEY = "longlead-demo-only-key-that-production-refuses-to-start-with"  # noqa: S105


SHORTEST_SECRET = 32
_SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "base_url": ("http", "https"),
}


class Mode(StrEnum):
    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class SmtpSecurity(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Environment(BaseSettings):
    """Names are read as written in `validation_alias`. In production a secret has no default and DEBUG is refused."""

    model_config = SettingsConfigDict(
        extra="ignore", validate_default=True, secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None
    )

    mode: Mode = Field(Mode.PRODUCTION, validation_alias="LONGLEAD_MODE")
    secret_key: SecretStr = Field(SecretStr(UNSAFE_SECRET_KEY), validation_alias="LONGLEAD_SECRET_KEY")
    key_pepper: SecretStr | None = Field(None, validation_alias="LONGLEAD_KEY_PEPPER")
    debug: bool = Field(False, validation_alias="LONGLEAD_DEBUG")
    database_url: str = Field("postgresql://longlead@/longlead", validation_alias="DATABASE_URL")
    redis_url: str = Field("redis://127.0.0.1:6379/0", validation_alias="REDIS_URL")
    data_dir: Path = Field(REPOSITORY / ".longlead", validation_alias="LONGLEAD_DATA_DIR")
    allowed_hosts: str = Field("127.0.0.1,localhost,[::1]", validation_alias="LONGLEAD_ALLOWED_HOSTS")
    base_url: str = Field("http://127.0.0.1:8000", validation_alias="LONGLEAD_BASE_URL")
    hold_seconds: int = Field(600, ge=0, le=3600, validation_alias="LONGLEAD_HOLD_SECONDS")
    statement_timeout_ms: int = Field(0, ge=0, validation_alias="LONGLEAD_STATEMENT_TIMEOUT_MS")
    lock_timeout_ms: int = Field(5000, ge=0, validation_alias="LONGLEAD_LOCK_TIMEOUT_MS")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", validation_alias="LONGLEAD_LOG_LEVEL"
    )
    admin_site: bool = Field(False, validation_alias="LONGLEAD_ADMIN_SITE")
    smtp_host: str = Field("", validation_alias="LONGLEAD_SMTP_HOST")
    smtp_port: int = Field(587, ge=1, le=65535, validation_alias="LONGLEAD_SMTP_PORT")
    smtp_user: str = Field("", validation_alias="LONGLEAD_SMTP_USER")
    smtp_password: SecretStr = Field(SecretStr(""), validation_alias="LONGLEAD_SMTP_PASSWORD")
    smtp_security: SmtpSecurity = Field(SmtpSecurity.STARTTLS, validation_alias="LONGLEAD_SMTP_SECURITY")
    mail_from: str = Field("Longlead <alerts@longlead.example>", validation_alias="LONGLEAD_MAIL_FROM")
    mail_domain: str = Field("longlead.example", validation_alias="LONGLEAD_MAIL_DOMAIN")
    mail_reply_to: str = Field("", validation_alias="LONGLEAD_MAIL_REPLY_TO")
    mail_bounces_to: str = Field("", validation_alias="LONGLEAD_MAIL_BOUNCES_TO")
    dead_man_url: str = Field("", validation_alias="LONGLEAD_DEAD_MAN_URL")
    metrics_token: SecretStr = Field(SecretStr(""), validation_alias="LONGLEAD_METRICS_TOKEN")
    chat_networks: str = Field("", validation_alias="LONGLEAD_CHAT_NETWORKS")

    @field_validator("secret_key", "key_pepper")
    @classmethod
    def _own_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        chosen = value.get_secret_value() if value else ""
        if _in_production(info) and (chosen == UNSAFE_SECRET_KEY or len(chosen) < SHORTEST_SECRET):
            raise ValueError(f"must be set to at least {SHORTEST_SECRET} characters of your own")
        return value

    @field_validator("debug")
    @classmethod
    def _debug_is_off(cls, value: bool, info: ValidationInfo) -> bool:
        if value and _in_production(info):
            raise ValueError("must be off")
        return value

    @field_validator("smtp_host")
    @classmethod
    def _mail_can_leave(cls, value: str, info: ValidationInfo) -> str:
        if not value and _in_production(info):
            raise ValueError("must name a mail server")
        return value

    @field_validator("mail_reply_to", "mail_bounces_to")
    @classmethod
    def _is_a_mail_address(cls, value: str) -> str:
        local, at, domain = value.rpartition("@")
        if value and not (at and local and domain and value.isascii() and value.isprintable() and " " not in value):
            raise ValueError("must be one e-mail address")
        return value

    @field_validator("dead_man_url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("chat_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for each in _listed(value):
            ip_network(each)
        return value

    @field_validator("database_url", "redis_url", "base_url")
    @classmethod
    def _is_an_address(cls, value: str, info: ValidationInfo) -> str:
        schemes = _SCHEMES[str(info.field_name)]
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    @property
    def pepper(self) -> bytes:
        """Keys the HMAC of API secrets. Outside production it follows from the secret key."""
        chosen = self.key_pepper or self.secret_key
        return chosen.get_secret_value().encode()

    @property
    def hosts(self) -> list[str]:
        return _listed(self.allowed_hosts)

    @property
    def chat_may_reach(self) -> list[IPv4Network | IPv6Network]:
        """Inner networks that webhooks may be sent into; the demo, which only this machine reaches, may reach it."""
        default = "127.0.0.0/8" if self.mode is Mode.DEMO else ""
        return [ip_network(each) for each in _listed(self.chat_networks or default)]


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


def read_environment() -> Environment:
    """Read and check the process environment. Every wrong variable is named at once, then the process ends with 2."""
    try:
        return Environment()
    except ValidationError as refusal:
        lines = [
            f"  {_variable(str(error['loc'][0]))}: {error['msg'].removeprefix('Value error, ')}"
            for error in refusal.errors()
        ]
        sys.stderr.write("Longlead cannot start, the environment is wrong:\n" + "\n".join(lines) + "\n")
        raise SystemExit(2) from None


def _in_production(info: ValidationInfo) -> bool:
    """A mode that is itself wrong counts as production: that names all that would be wrong."""
    return info.data.get("mode", Mode.PRODUCTION) is Mode.PRODUCTION


def _variable(name: str) -> str:
    """Where a default is wrong, pydantic names the field and not the variable."""
    field = Environment.model_fields.get(name)
    return str(field.validation_alias) if field else name
