"""Logs: JSON lines in production, readable text elsewhere.

They name identities, routes and keys of objects, never tags, secrets or payloads, and no paths: a path may hold the key
that sets a new password.
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
IN_DAPHNE = re.compile(r"\b(uri|path)=\S+")  # as its connections describe themselves

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(config: dict[str, Any]) -> None:
    """Set up logging for this process: LOGGING_CONFIG. What structlog's own loggers say takes the same way out."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def route_of(request: Any) -> str:
    """Return method, name of the route and keys of objects; nothing of the path, which may hold a secret."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return f"{request.method} (no route)"
    keys = [f"{name}={value}" for name, value in match.kwargs.items() if name in OBJECT_KEYS and str(value).isdigit()]
    return " ".join([str(request.method), match.view_name or "(unnamed)", *keys])


class WithoutPaths(logging.Filter):
    """Replaces the path of a request by its route, and the request by nothing: as a text it holds its path."""

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
    """uvicorn calls it an error when a handshake is answered with an HTTP status; we record each refusal ourselves."""

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
            # plain: the rich formatter would print the locals of every frame, secrets among them
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
    )


def write_only_json() -> None:
    """For a process whose every line is read by a program: also what ends it, and what Python says by itself."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)  # until Django sets up its own
    logging.captureWarnings(True)
    sys.excepthook = _log_exception
    threading.excepthook = lambda told: _log_exception(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: _log_exception(told.exc_type, told.exc_value, told.exc_traceback)


def _log_exception(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    facts = (kind, error or kind(), trace)
    logging.getLogger("cpms").critical(f"{kind.__name__}: {error}", exc_info=facts)


def log_json(text: Any, file: Any = None) -> None:
    """Write one line at once; it may be called in a signal handler, where a logger's lock could be held."""
    line = structlog.processors.JSONRenderer()(None, "", {"event": str(text).strip(), "level": "info"})
    os.write(2, f"{line}\n".encode() if isinstance(line, str) else line + b"\n")
