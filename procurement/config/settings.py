"""Django's settings, for every mode; what differs between deployments comes from `environment`."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pghistory
from django.utils.translation import gettext_lazy as _

from procurement.config.environment import REPOSITORY, Mode, SmtpSecurity, read_environment
from procurement.config.history import NewRows

ENVIRONMENT = read_environment()
MODE = ENVIRONMENT.mode
DEMO = MODE is Mode.DEMO

SECRET_KEY = ENVIRONMENT.secret_key.get_secret_value()
KEY_PEPPER = ENVIRONMENT.pepper
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = ENVIRONMENT.hosts
BASE_URL = ENVIRONMENT.base_url.rstrip("/")
HOLD_SECONDS = ENVIRONMENT.hold_seconds
DATA_DIR = ENVIRONMENT.data_dir
ADMIN_SITE = ENVIRONMENT.admin_site or DEMO

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "allauth",
    "allauth.account",
    "allauth.idp.oidc",
    "django_htmx",
    "django_tables2",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "sites.accounts",
    "sites",
    "procurement",
    "procurement.portal",
]

MIDDLEWARE = [
    "procurement.config.middleware.DatabaseGone",
    "procurement.config.middleware.RequestIdentity",
    "procurement.config.middleware.Nameless",
    "procurement.config.middleware.Drained",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "procurement.config.middleware.Compressed",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "procurement.config.middleware.SignedOut",
    "procurement.config.middleware.HistoryContext",
    "procurement.config.middleware.Visits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "procurement.config.urls"
WSGI_APPLICATION = "procurement.config.wsgi.application"
APPEND_SLASH = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [REPOSITORY / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "procurement.portal.context.portal",
            ],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    """Django's form of a `postgresql://` address; a socket folder comes as the query parameter `host`."""
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    options = [
        f"-c lock_timeout={ENVIRONMENT.lock_timeout_ms}",
        "-c idle_in_transaction_session_timeout=60000",
        # With the usual 4 MB, what a page counts through goes to disk and back.
        "-c work_mem=32MB",
        # Compiling a statement of a page takes longer than running it.
        "-c jit=off",
        # Undefined, every row that a trigger sees would raise and catch an exception: ten times slower in bulk.
        "-c pgtrigger.ignore={}",
    ]
    if ENVIRONMENT.statement_timeout_ms:
        options.append(f"-c statement_timeout={ENVIRONMENT.statement_timeout_ms}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or (parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3, "options": " ".join(options), **query},
        "ATOMIC_REQUESTS": False,
    }


DATABASES = {"default": _database(ENVIRONMENT.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

# Log-in, its throttle and the sessions must work while Redis is away.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = MODE is Mode.PRODUCTION and BASE_URL.startswith("https:")
SESSION_COOKIE_NAME = "longlead_session"
CSRF_COOKIE_NAME = "longlead_csrf"
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https:") else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if MODE is Mode.PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if SESSION_COOKIE_SECURE else 0
X_FRAME_OPTIONS = "DENY"

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if MODE is Mode.TEST:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portfolio"
ACCOUNT_ADAPTER = "procurement.portal.accounts.ClosedSignUp"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_CLIENT_IP_HEADER = None
# The provider serves machines only: client credentials, at one address, for tokens of an hour.
IDP_OIDC_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = 3600

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [REPOSITORY / "locale"]
LANGUAGE_COOKIE_NAME = "longlead_language"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["procurement.portal.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if MODE is not Mode.PRODUCTION else REPOSITORY / "staticfiles"
STATICFILES_DIRS = [REPOSITORY / "assets"] if (REPOSITORY / "assets").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if MODE is Mode.PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = MODE is not Mode.PRODUCTION
# Tests make a client each, which would otherwise list every static file: a tenth of the suite's time.
WHITENOISE_AUTOREFRESH = MODE is Mode.TEST

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# PostgreSQL refuses nothing here by itself: fields carry the limits, these bound the request.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "procurement.api.auth.ApiKeyAuthentication",
        "procurement.api.auth.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["procurement.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "procurement.api.v1.openapi.ClientSchema",
    "DEFAULT_PAGINATION_CLASS": None,
    "EXCEPTION_HANDLER": "procurement.api.errors.problem_handler",
    "UNAUTHENTICATED_USER": None,
    # The type is asked for in Accept alone.
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "UPLOADED_FILES_USE_URL": False,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Who says what a record reads like, for webhooks that carry it; the services know no door.
WEBHOOK_RECORDS = "procurement.api.v1.records.whole"
SPECTACULAR_SETTINGS = {
    "TITLE": "Longlead API",
    "DESCRIPTION": "Owner-furnished equipment: orders, promises, forecasts and alerts. Begin with `GET /api/v1/me`, "
    "which tells what your key may do. Refusals are problem documents (RFC 9457): read `code` and `errors[].code`. "
    "Lists give a `next_cursor`. Ignore fields you do not know, for version 1 only grows.",
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "procurement.api.v1.openapi.mark_owners",
        "procurement.api.v1.openapi.loosen_items",
        "procurement.api.v1.openapi.describe_webhooks",
        "procurement.api.v1.openapi.tell_of_writes",
        "procurement.api.v1.openapi.show_answers",
        "procurement.api.v1.answer_headers.share",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrderKind": "procurement.vocabulary.OrderKind",
        "CommercialStatus": "procurement.vocabulary.CommercialStatus",
        "FinancialStatus": "procurement.vocabulary.FinancialStatus",
        "LineStatus": "procurement.vocabulary.LineStatus",
        "RevisionKind": "procurement.vocabulary.RevisionKind",
        "MessageState": "procurement.vocabulary.MessageState",
        "DamagesUnit": "procurement.vocabulary.DamagesUnit",
        "Precision": "sites.vocabulary.Precision",
        "PromiseSource": "sites.vocabulary.PromiseSource",
        "ReasonCode": "sites.vocabulary.ReasonCode",
        "Party": "sites.vocabulary.Party",
        "LedgerKind": ["promise", "actual", "lock"],
        "LedgerState": ["live", "superseded", "retracted"],
        "MovedKind": ["lot", "requirement", "block", "gate", "agreement", "grid_connection", "network_works"],
        "UpsertResultKind": ["created", "updated", "unchanged", "stale_ignored"],
        "NameResult": ["created", "updated", "unchanged"],
    },
}

CELERY_BROKER_URL = ENVIRONMENT.redis_url

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = ENVIRONMENT.smtp_host
EMAIL_PORT = ENVIRONMENT.smtp_port
EMAIL_HOST_USER = ENVIRONMENT.smtp_user
EMAIL_HOST_PASSWORD = ENVIRONMENT.smtp_password.get_secret_value()
EMAIL_USE_TLS = ENVIRONMENT.smtp_security is SmtpSecurity.STARTTLS
EMAIL_USE_SSL = ENVIRONMENT.smtp_security is SmtpSecurity.TLS
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from
MAIL_DOMAIN = ENVIRONMENT.mail_domain
MAIL_REPLY_TO = ENVIRONMENT.mail_reply_to
# Bounces come to this address with a tag before the @; empty: to the sender, where nobody reads them by machine.
MAIL_BOUNCES_TO = ENVIRONMENT.mail_bounces_to
DEAD_MAN_URL = ENVIRONMENT.dead_man_url
METRICS_TOKEN = ENVIRONMENT.metrics_token.get_secret_value()
CHAT_NETWORKS = ENVIRONMENT.chat_may_reach
# Without a mail server the demo keeps every mail on a page of the portal.
MAIL_TO_MAILBOX = DEMO and not ENVIRONMENT.smtp_host

# Triggers are declared on the models and installed after every `migrate`. As migration operations, each would rebuild
# the whole model state: a first start took 74 s that way and takes a few this way.
PGTRIGGER_MIGRATIONS = False
PGTRIGGER_INSTALL_ON_MIGRATE = True
PGHISTORY_APPEND_ONLY = True
PGHISTORY_OBJ_FIELD = pghistory.ObjForeignKey(related_name="history", related_query_name="history")
PGHISTORY_DEFAULT_TRACKERS = (NewRows(), pghistory.UpdateEvent(), pghistory.DeleteEvent())

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENVIRONMENT.log_level},
    "loggers": {"pgtrigger": {"level": "WARNING"}},
}
SILENCED_SYSTEM_CHECKS: list[str] = []

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1}
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "longlead"
CELERY_TASK_ROUTES = {"procurement.tasks.alerts.*": {"queue": "mail"}}
# An interval in UTC: no daylight-saving day can stop or double it. What is due stands in PostgreSQL.
CELERY_BEAT_SCHEDULE = {
    "futures-every-minute": {
        "task": "procurement.tasks.futures.draw_now",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "jobs-every-minute": {
        "task": "procurement.tasks.jobs.work_now",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "look-every-minute": {
        "task": "procurement.tasks.alerts.tick",
        "schedule": 60.0,
        # What a stopped worker did not take is not piled up: the next minute asks the same.
        "options": {"expires": 60},
    },
    "webhooks-every-minute": {
        "task": "procurement.tasks.webhooks.send_now",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "work-every-minute": {
        "task": "procurement.tasks.imports.work_now",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}
