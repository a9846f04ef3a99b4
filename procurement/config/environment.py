"""Every environment variable the product reads, in one typed place; all that are wrong are named at once."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[2]
UNSAFE_SECRET_KEY = "longlead-demo-only-key-that-production-refuses-to-start-with"  # noqa: S105


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
        extra="ignore", secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None
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
    log_level: str = Field("INFO", validation_alias="LONGLEAD_LOG_LEVEL")
    admin_site: bool = Field(False, validation_alias="LONGLEAD_ADMIN_SITE")
    smtp_host: str = Field("", validation_alias="LONGLEAD_SMTP_HOST")
    smtp_port: int = Field(587, ge=1, le=65535, validation_alias="LONGLEAD_SMTP_PORT")
    smtp_user: str = Field("", validation_alias="LONGLEAD_SMTP_USER")
    smtp_password: SecretStr = Field(SecretStr(""), validation_alias="LONGLEAD_SMTP_PASSWORD")
    smtp_security: SmtpSecurity = Field(SmtpSecurity.STARTTLS, validation_alias="LONGLEAD_SMTP_SECURITY")
    mail_from: str = Field("Longlead <alerts@longlead.example>", validation_alias="LONGLEAD_MAIL_FROM")
    mail_domain: str = Field("longlead.example", validation_alias="LONGLEAD_MAIL_DOMAIN")

    @model_validator(mode="after")
    def production_has_its_own_secrets(self) -> Self:
        if self.mode is not Mode.PRODUCTION:
            return self
        wrong = []
        if self.secret_key.get_secret_value() == UNSAFE_SECRET_KEY or len(self.secret_key.get_secret_value()) < 32:
            wrong.append("LONGLEAD_SECRET_KEY must be set to at least 32 characters of your own")
        if self.key_pepper is None or len(self.key_pepper.get_secret_value()) < 32:
            wrong.append("LONGLEAD_KEY_PEPPER must be set to at least 32 characters of your own")
        if self.debug:
            wrong.append("LONGLEAD_DEBUG must be off")
        if not self.smtp_host:
            wrong.append("LONGLEAD_SMTP_HOST must name a mail server")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def pepper(self) -> bytes:
        """Keys the HMAC of API secrets. Outside production it follows from the secret key."""
        chosen = self.key_pepper or self.secret_key
        return chosen.get_secret_value().encode()

    @property
    def hosts(self) -> list[str]:
        return [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]


def read_environment() -> Environment:
    """Read and check the process environment. Every wrong variable is named at once, then the process ends with 2."""
    try:
        return Environment()
    except ValidationError as refusal:
        lines: list[str] = []
        for error in refusal.errors():
            name = str(error["loc"][0]) if error["loc"] else ""
            lines.extend(f"  {name}: {part}" if name else f"  {part}" for part in _parts(error["msg"]))
        sys.stderr.write("Longlead cannot start, the environment is wrong:\n" + "\n".join(lines) + "\n")
        raise SystemExit(2) from None


def _parts(message: str) -> list[str]:
    return message.removeprefix("Value error, ").split("; ")
