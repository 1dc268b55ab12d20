"""Logging: JSON lines in production, readable text elsewhere.

Logs contain identities, routes and keys of objects, but never tags, secrets or payloads, and no paths: a path may
contain a password reset token.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.types import Processor

JSON = "json"
OBJECT_KEYS = frozenset({"pk", "id", "object_id", "content_type_id", "invitation", "circuit"})
IN_DAPHNE = re.compile(r"\b(uri|path)=\S+")  # in the representation of Daphne's connections

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(config: dict[str, Any]) -> None:
    """Set up logging for this process, as LOGGING_CONFIG. Output of structlog's own loggers uses the same handlers."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def route_of(request: Any) -> str:
    """Return the method, the route's name and the keys of objects, but not the path, which may contain a secret."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return f"{request.method} (no route)"
    keys = [f"{name}={value}" for name, value in match.kwargs.items() if name in OBJECT_KEYS and str(value).isdigit()]
    return " ".join([str(request.method), match.view_name or "(unnamed)", *keys])


class WithoutPaths(logging.Filter):
    """Replaces the path of a request by its route and removes the request, whose text form contains the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = record.__dict__.pop("request", None)
        if request is not None and hasattr(request, "get_full_path"):
            record.route = route = route_of(request)
            paths = (request.path, request.path_info, request.get_full_path())
            if isinstance(record.args, tuple):
                record.args = tuple(route if arg in paths else arg for arg in record.args)
        if record.name.startswith("daphne"):
            record.msg, record.args = IN_DAPHNE.sub(r"\1=...", record.getMessage()), ()
        return True


class WithoutRefusals(logging.Filter):
    """Drops uvicorn's error for handshakes answered with an HTTP status, since we record each refusal ourselves."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing handshake" not in record.getMessage()


def json_formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def text_formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # plain: the rich formatter would print local variables, including secrets
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
    )


def log_only_json() -> None:
    """Write every line of this process as JSON, including uncaught exceptions and Python's own warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)  # until Django configures logging
    logging.captureWarnings(True)
    sys.excepthook = _log_exception
    threading.excepthook = lambda hook: _log_exception(hook.exc_type, hook.exc_value, hook.exc_traceback)
    sys.unraisablehook = lambda hook: _log_exception(hook.exc_type, hook.exc_value, hook.exc_traceback)


def _log_exception(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    exc_info = (kind, error or kind(), trace)
    logging.getLogger("cpms").critical(f"{kind.__name__}: {error}", exc_info=exc_info)


def log_json(text: Any, file: Any = None) -> None:
    """Write one JSON line directly. Safe in a signal handler, where a logger's lock could be held already."""
    line = structlog.processors.JSONRenderer()(None, "", {"event": str(text).strip(), "level": "info"})
    os.write(2, f"{line}\n".encode() if isinstance(line, str) else line + b"\n")
