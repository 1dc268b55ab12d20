"""Settings. Everything that may differ between machines is read here, from the environment, and nowhere else.

Without DATABASE_URL and REDIS_URL this is the embedded mode: SQLite, one process, no server to install.
"""

import hmac
import re
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from cpms.common.observability.logs import log_only_json
from cpms.settings import schedule
from cpms.settings.environment import Environment
from cpms.settings.languages import languages_in
from cpms.settings.secrets import secret_key, station_secret_keys

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = Environment(BASE_DIR)
_IS_SERVER = env.text("REDIS_URL") != "" or env.text("DATABASE_URL").startswith("postgres")
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if _IS_SERVER else "text", ("json", "text"))
if LOG_FORMAT == "json":
    log_only_json()  # before anything else, so that a wrong setting is reported as JSON, too

# --- environment -------------------------------------------------------------------------------------------------
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
DATABASE_URL = env.url("DATABASE_URL", "", ("postgres", "postgresql", "sqlite"))
REDIS_URL = env.url("REDIS_URL", "", ("redis", "rediss", "unix"))
PUBLIC_URL = env.url("PUBLIC_URL", "http://localhost:8000", ("http", "https")).rstrip("/")
IS_EMBEDDED = not REDIS_URL
IS_PRODUCTION = DATABASE_URL.startswith("postgres") or bool(REDIS_URL)
DEBUG = env.flag("DEBUG", False)

SECRET_KEY = secret_key(env, VAR_DIR, is_production=IS_PRODUCTION)
STATION_SECRET_KEYS = station_secret_keys(env, VAR_DIR, is_production=IS_PRODUCTION)
ALLOWED_HOSTS = env.word_list("ALLOWED_HOSTS", [urlsplit(PUBLIC_URL).hostname or "localhost", "localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.word_list("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL])
TRUSTED_PROXIES = env.word_list("TRUSTED_PROXIES", [])  # proxies whose X-Forwarded-For and -Proto are trusted

# A gateway node does not load what it does not need: a node that was killed must restart quickly.
_IS_NODE = sys.argv[1:2] == ["gateway"]

# --- applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.admin.apps.SimpleAdminConfig" if _IS_NODE else "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *(["daphne"] if "runserver" in sys.argv else []),
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "channels",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "django_tables2",
    "django_filters",
    "crispy_forms",
    "crispy_bootstrap5",
    "import_export",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_altcha",
    "django_countries",
    "cpms.common",
    "auditlog",
    "accounts",
    "chargers",
    "sessions",
    "operations",
    "maintenance",
    "ocpp_gateway",
    "cpms.portal",
    "cpms.setup",
    "cpms.demo",
]
MIDDLEWARE = [
    "maintenance.connections.middleware.UnnamedProxyMiddleware",
    "cpms.common.web.middleware.RealAddressMiddleware",
    "cpms.common.web.middleware.PrivateMiddleware",
    "cpms.common.web.middleware.ParameterLimitMiddleware",
    "accounts.sign_in.middleware.HostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sign_in.services.known_browsers.KnownBrowserMiddleware",
    "accounts.sign_in.middleware.PersonMiddleware",
    "accounts.sign_in.middleware.HostSessionMiddleware",
    "accounts.sign_in.middleware.SecondFactorMiddleware",
    "accounts.sign_in.middleware.FeatureMiddleware",
    "chargers.groups.middleware.ChosenMiddleware",
    "cpms.portal.frame.site.HookMiddleware",
    "accounts.audit.middleware.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cpms.common.observability.request_log.RequestLogMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "cpms.urls"
ASGI_APPLICATION = "cpms.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
_loaders: list[Any] = [
    "django_cotton.cotton_loader.Loader",
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    _loaders if DEBUG else [("django.template.loaders.cached.Loader", _loaders)],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "cpms.common.templatetags.show",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "cpms.portal.frame.context.frame",
            ],
        },
    }
]
COTTON_DIR = "components"
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "components/table.html"
FILTERS_EMPTY_CHOICE_LABEL = _("Any")

# --- database ----------------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_POOL_SIZE = env.whole("DATABASE_POOL_SIZE", 16, least=2, most=500)


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,  # the pool keeps connections open
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 2,
            "server_side_binding": True,  # prepared statements: planning takes longer than running most queries
            "tcp_user_timeout": 4000,
            "keepalives_idle": 10,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": (
                f"-c statement_timeout={env.whole('DATABASE_STATEMENT_TIMEOUT_MS', 30_000)}"
                " -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
            ),
            # reconnect_timeout: give up early, so that a recovered database is found with the next request
            "pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 5, "reconnect_timeout": 2},
        },
    }


def _sqlite(url: str) -> dict[str, Any]:
    path = urlsplit(url).path if url else str(VAR_DIR / "cpms.sqlite3")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,  # opening a connection costs more than a commit
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            # FULL: with NORMAL a power cut may lose acknowledged messages
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-32000;",
        },
    }


DATABASES = {"default": _postgresql(DATABASE_URL) if DATABASE_URL.startswith("postgres") else _sqlite(DATABASE_URL)}

# --- Redis or in process -----------------------------------------------------------------------------------------
if REDIS_URL:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2, "socket_timeout": None}],
                "capacity": 1000,
                "expiry": 20,
            },
        }
    }
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
    }
else:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "cpms.common.messaging.layers.EmbeddedChannelLayer", "CONFIG": {"capacity": 1000}}
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Celery: wake-ups and the schedule ---------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for Redis forever
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 3600, "socket_connect_timeout": 2, "socket_timeout": 5, "socket_keepalive": True}
    if REDIS_URL
    else {"polling_interval": 0.02}
)
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = schedule.DEFAULT_QUEUE
CELERY_TASK_QUEUES = schedule.QUEUES
CELERY_TASK_ROUTES = schedule.ROUTES
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_BEAT_SCHEDULE = schedule.SCHEDULE

# --- users -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = reverse_lazy("accounts:login")
LOGIN_REDIRECT_URL = reverse_lazy("portal:dashboard")
LOGIN_ATTEMPTS_PER_MINUTE = env.whole("LOGIN_ATTEMPTS_PER_MINUTE", 10, least=1)
LOGIN_ACCOUNTS_PER_SOURCE = env.whole("LOGIN_ACCOUNTS_PER_SOURCE", 30, least=1)  # an hour
LOGIN_FAILURES_PER_ACCOUNT = env.whole("LOGIN_FAILURES_PER_ACCOUNT", 30, least=1)  # an hour
# Support staff see every team, so a password is not enough. In the demo their password is public.
STAFF_REQUIRES_TWO_FACTOR = env.flag("STAFF_REQUIRES_TWO_FACTOR", not (DEBUG or "--demo" in sys.argv[2:]))
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=24).total_seconds())
LOGIN_CAPTCHA = env.choice("LOGIN_CAPTCHA", "always", ("always", "after_failure", "off"))
ALTCHA_HMAC_KEY = hmac.new(SECRET_KEY.encode(), b"captcha", "sha256").hexdigest()
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # users cannot sign up themselves; addresses are verified by our own e-mails
ACCOUNT_SESSION_REMEMBER = True
# Failed sign-ins are counted in accounts.sign_in only, which works without the cache.
ACCOUNT_RATE_LIMITS = dict.fromkeys(("login", "login_failed", "reset_password", "reset_password_from_key"))
MFA_ADAPTER = "accounts.sign_in.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = urlsplit(PUBLIC_URL).hostname or "CPMS"
MFA_TOTP_TOLERANCE = 1  # clocks of phones are inexact, and typing takes some seconds
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")  # browsers allow this on localhost only
PASSWORD_HASHERS = [  # the first one creates hashes; others are verified and replaced at the next sign-in
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
LANGUAGES = languages_in(BASE_DIR / "locale")
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"  # for storage and as the default; pages use the user's time zone
DISPLAY_TIME_ZONE = env.text("DISPLAY_TIME_ZONE", "Europe/Berlin")

# --- e-mail: without a server it is written to the process log --------------------------------------------------
_mail = urlsplit(env.url("EMAIL_URL", "", ("smtp", "smtps", "smtp+tls", "console", "file")))
if _mail.scheme == "file" and not _mail.path.strip("/"):
    raise ImproperlyConfigured("The setting EMAIL_URL must name a folder, like file:///var/mails.")
if _mail.scheme.startswith("smtp") and not _mail.hostname:
    raise ImproperlyConfigured("The setting EMAIL_URL must name a server, like smtp://mail.example:25.")
_ways = {"": "console", "console": "console", "file": "filebased"}
EMAIL_BACKEND = f"django.core.mail.backends.{_ways.get(_mail.scheme, 'smtp')}.EmailBackend"
EMAIL_FILE_PATH = unquote(_mail.path) if _mail.scheme == "file" else None
EMAIL_HOST, EMAIL_PORT = (
    _mail.hostname or "localhost",
    _mail.port or {"smtps": 465, "smtp+tls": 587}.get(_mail.scheme, 25),
)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.scheme == "smtps", _mail.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", f"CPMS <cpms@{urlsplit(PUBLIC_URL).hostname or 'localhost'}>")
if not re.fullmatch(r"[^\r\n]*[^\s<>@]+@[^\s<>@]+>?", DEFAULT_FROM_EMAIL):
    raise ImproperlyConfigured("The setting EMAIL_FROM must be an address, like CPMS <cpms@example.org>.")
# Whoever can read the e-mails can set every user's password: for demos and development only.
MAILS_IN_PAGE = env.flag("MAILS_IN_PAGE", "--demo" in sys.argv[2:])
if MAILS_IN_PAGE and PUBLIC_URL.startswith("https://"):
    raise ImproperlyConfigured(
        "MAILS_IN_PAGE=1 is not for a site that is served over https: everybody reads the mails."
    )
MAILS_FOLDER = VAR_DIR / "mails"
MAILS_SENT_BY = EMAIL_BACKEND
if MAILS_IN_PAGE:
    EMAIL_BACKEND = "cpms.common.messaging.mail.StoringBackend"

# Name server for domains of teams: address or address:port; empty: that of the machine (/etc/resolv.conf)
DNS_RESOLVER = env.text("DNS_RESOLVER", "")
# Domains of teams: the target of their DNS records, and the days without proof after which one is disabled
OWN_DOMAIN_TARGET = env.text("OWN_DOMAIN_TARGET", urlsplit(PUBLIC_URL).hostname or "localhost")
OWN_DOMAIN_DAYS = env.whole("OWN_DOMAIN_DAYS", 7, least=1, most=365)

# --- static files ------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", message="No directory at")  # STATIC_ROOT is only created when images are built
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")  # whitenoise under ASGI
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600

# --- security ----------------------------------------------------------------------------------------------------
IS_HTTPS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/$", r"^brand/ask/$"]  # requested by monitoring and by the proxy, from behind it
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db" if REDIS_URL else "django.contrib.sessions.backends.db"
HOOK_ORIGINS = env.word_list("HOOK_ORIGINS", [])  # origins of third-party scripts, for users who allow them
X_FRAME_OPTIONS = "DENY"
HALF_OPEN_SECONDS = env.number("HALF_OPEN_SECONDS", 20.0, least=1.0)  # then an incomplete request is dropped
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- OCPP --------------------------------------------------------------------------------------------------------
OCPP_WITHOUT_SUBPROTOCOL = env.choice("OCPP_WITHOUT_SUBPROTOCOL", "refuse", ("refuse", "1.6"))
OCPP_LENIENT_PATHS = env.flag("OCPP_LENIENT_PATHS", True)  # accept //ID, /ocpp/ID/ and the like from known stations
OCPP_POOL = env.flag("OCPP_POOL", False)
OCPP_POOL_LIMIT = env.whole("OCPP_POOL_LIMIT", 1000, least=1)
OCPP_WRONG_PASSWORDS_PER_MINUTE = env.whole("OCPP_WRONG_PASSWORDS_PER_MINUTE", 10, least=1)
OCPP_UNKNOWN_PER_MINUTE = env.whole("OCPP_UNKNOWN_PER_MINUTE", 20, least=1)  # from one source
OCPP_PASSWORD_CHECKS = env.whole("OCPP_PASSWORD_CHECKS", 2, least=1, most=64)  # concurrent slow hashes per process
OCPP_HEARTBEAT_SECONDS = env.whole("OCPP_HEARTBEAT_SECONDS", 300, least=1, most=86_400)
OCPP_IDLE_SECONDS = env.whole("OCPP_IDLE_SECONDS", 0)  # close a link after this silence; 0: never
OCPP_FRAME_BYTES = env.whole(
    "OCPP_FRAME_BYTES", 1024 * 1024, least=65_536
)  # from a client that is not authenticated yet
OCPP_FRAME_BYTES_REGISTERED = max(
    OCPP_FRAME_BYTES, env.whole("OCPP_FRAME_BYTES_REGISTERED", 8 * 1024 * 1024, least=65_536)
)
OCPP_PING_SECONDS = env.number("OCPP_PING_SECONDS", 20.0, least=1.0)
OCPP_PONG_SECONDS = env.number("OCPP_PONG_SECONDS", 20.0, least=1.0)
OCPP_DEFLATE = env.flag("OCPP_DEFLATE", True)
OCPP_FIRST_MESSAGE_SECONDS = env.number("OCPP_FIRST_MESSAGE_SECONDS", 10.0, least=0.0)  # then commands are sent anyway
OCPP_CALL_SECONDS = env.whole("OCPP_CALL_SECONDS", 30, least=1, most=600)  # for a station to answer a command
OCPP_STORAGE_SECONDS = env.number("OCPP_STORAGE_SECONDS", 4.5, least=0.1)  # then the link is closed with 1013
OCPP_DATABASE_THREADS = env.whole("OCPP_DATABASE_THREADS", 8, least=1, most=64)
INBOX_SHARDS = env.whole("INBOX_SHARDS", 2, least=1, most=64)
MESSAGE_RETENTION_DAYS = env.whole("MESSAGE_RETENTION_DAYS", 90, least=1)

# --- audit log ---------------------------------------------------------------------------------------------------
AUDITLOG_LOGENTRY_MODEL = "accounts.AuditEntry"
AUDITLOG_USE_FK_STRING_REPRESENTATION = True  # names, not numbers
MIGRATION_MODULES = {"auditlog": None}  # we do not use the table that they would create

# --- API ---------------------------------------------------------------------------------------------------------
API_PROGRAM_RATE = env.whole("API_PROGRAM_RATE", 600, least=1, most=100_000)  # requests a minute of each application
API_TOKEN_SECONDS = 3600  # lifetime of an OAuth 2 access token
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.programs.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["cpms.common.api.base.StrictFilters"],
    "DEFAULT_PAGINATION_CLASS": "cpms.common.api.base.NewestFirst",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cpms.common.api.base.problem",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": env.text("API_RATE", "600/min"), "login": f"{LOGIN_ATTEMPTS_PER_MINUTE}/min"},
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CPMS API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "MemberRole": "accounts.access.rights.Role",
        "GrantRole": "accounts.access.rights.GrantRole",
        "StateEnum": "operations.commands.models.Command.State",
        "KindEnum": "operations.commands.models.Command.Kind",
        "StatusEnum": "chargers.stations.models.Connector.Status",
        "TagKindEnum": "chargers.tags.models.Tag.Kind",
        "TagScopeEnum": "chargers.tags.models.Tag.Scope",
        "RefusedTagStateEnum": "chargers.tags.models.RefusedTag.State",
        "RefusedTagReasonEnum": "chargers.tags.models.RefusedTag.Reason",
        "TagStatusEnum": "chargers.tags.models.Tag.Status",
        "NotificationKindEnum": "maintenance.notifications.models.Notification.Kind",
    },
}

# --- logs --------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING_CONFIG = "cpms.common.observability.logs.configure"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "cpms.common.observability.logs.json_formatter"},
        "text": {"()": "cpms.common.observability.logs.text_formatter"},
    },
    "filters": {
        "without_refusals": {"()": "cpms.common.observability.logs.WithoutRefusals"},
        "without_paths": {"()": "cpms.common.observability.logs.WithoutPaths"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["without_paths"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},  # refused requests are logged by our own middleware, without a traceback
        "django.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "websockets": {"level": "WARNING"},
        "ocpp": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "oauthlib": {"level": "WARNING"},  # at DEBUG it would log tokens
        "uvicorn.error": {"level": "WARNING", "filters": ["without_refusals"]},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "django_structlog": {"level": "WARNING"},
    },
}

if DEBUG and IS_HTTPS and "runserver" not in sys.argv:
    raise ImproperlyConfigured("DEBUG=1 is not for a site that is served over https: unset one of DEBUG, PUBLIC_URL.")
