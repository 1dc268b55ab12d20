"""Health checks. A process is healthy if its database answers; without Redis only news is delayed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, JsonResponse


def problem_with_database() -> str:
    """Return the name of the error, or an empty text if the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return type(error).__name__
    finally:
        if connection.vendor == "postgresql":
            connection.close()
    return ""


def health_view(request: HttpRequest) -> JsonResponse:
    """Answer GET /health/ of the portal."""
    problem = problem_with_database()
    return JsonResponse({"database": problem or "ok"}, status=503 if problem else 200)


async def health(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer GET /health/ of a gateway process, as a plain ASGI application; every other path is 404."""
    if scope["path"] != "/health/":
        status, body = 404, b"Not Found\n"
    else:
        problem = await sync_to_async(problem_with_database, thread_sensitive=False)()
        status, body = (503, b'{"database": "away"}\n') if problem else (200, b'{"database": "ok"}\n')
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
