"""Building blocks of the REST API that its settings refer to: pagination, parsing, throttling, error format.

REST framework reads its settings while it is imported, so this module must not import its generic views.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import Http404
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, serializers, status
from rest_framework.pagination import Cursor, CursorPagination, _reverse_ordering
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import exception_handler, set_rollback

from cpms.common.database.paging import first_of, keys_if_few
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.models import OfStationsQuerySet
from cpms.common.text.safety import is_storable

logger = logging.getLogger(__name__)
PROBLEM = "application/problem+json"


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The request is too large.")
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Parses JSON that can be stored: limited in size and depth, without NaN, NUL and lone surrogates."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge()
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise exceptions.ParseError(_("The request is not valid JSON.")) from None
        if not is_storable(value):
            raise exceptions.ParseError(_("The request contains invalid characters or is nested too deeply."))
        return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class PersonThrottle(UserRateThrottle):
    """Limits the requests of each user and of each application of a team, which may have its own rate.

    Fails open: while the cache is unavailable, requests are not limited.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        own_rate = getattr(getattr(request.user, "access", None), "requests_per_minute", None)
        if own_rate is not None:
            self.num_requests, self.duration = own_rate, 60
        try:
            is_allowed = bool(super().allow_request(request, view))
        except Exception as error:
            logger.warning("requests are not counted", extra={"cause": type(error).__name__})
            return True
        if hasattr(self, "history"):
            self._store_rate_limit(request)
        return is_allowed

    def _store_rate_limit(self, request: Request) -> None:
        """Store the limit, the remaining requests and the seconds until the next one, for the response headers."""
        used = len(self.history)
        oldest = self.history[-1] if used else self.now
        wait = max(1, math.ceil(self.duration - (self.now - oldest)))
        request._request.rate_limit = (self.num_requests, max(0, self.num_requests - used), wait)  # type: ignore[attr-defined]


class StrictFilters(DjangoFilterBackend):
    """Refuses unknown query parameters: ignoring a misspelt filter would return all rows."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        if not getattr(view, "detail", False):
            self._refuse_unknown(request, queryset, view)
        return super().filter_queryset(request, queryset, view)

    def get_filterset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Store the filterset on the view for the paginator of big logs, which asks it for `use_partial_index`."""
        view.filterset = super().get_filterset(request, queryset, view)
        return view.filterset

    def _refuse_unknown(self, request: Request, queryset: Any, view: Any) -> None:
        filters = self.get_filterset_class(view, queryset)
        names = [*(filters.base_filters if filters else ()), *NewestFirst.parameters]
        unknown = set(request.query_params) - set(names) - {api_settings.URL_FORMAT_OVERRIDE}
        if unknown:
            sentence = _("Unknown parameter. Known parameters: %(names)s.") % {"names": ", ".join(names)}
            raise exceptions.ValidationError({name: [sentence] for name in sorted(unknown)})


class NewestFirst(CursorPagination):
    """Cursor pagination, stable while rows are added. A view sets its order in `newest_by`."""

    ordering = ("-id",)
    page_size_query_param = "page_size"
    max_page_size = 500
    parameters = ("cursor", page_size_query_param)

    def get_page_size(self, request: Request) -> int | None:
        """Return the requested page size, at most 500.

        Raises:
            ValidationError: it is not a whole number of at least 1.
        """
        asked = request.query_params.get(self.page_size_query_param)
        if asked is not None and not (asked.isascii() and asked.isdigit() and int(asked[:9])):
            raise exceptions.ValidationError({self.page_size_query_param: [_("Enter a whole number from 1.")]})
        return super().get_page_size(request)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return tuple(getattr(view, "newest_by", self.ordering))

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        order = self.get_ordering(request, queryset, view)
        self._column = queryset.model._meta.get_field(order[0].lstrip("-"))
        if isinstance(queryset, OfStationsQuerySet):
            queryset = self._page_of_log(queryset, request, view, order)
        return super().paginate_queryset(queryset, request, view)

    def _page_of_log(self, rows: Any, request: Request, view: Any, order: Sequence[str]) -> Any:
        """Return the rows from the cursor's position on, found by key. The caller slices them."""
        offset, is_backwards, position = self.decode_cursor(request) or Cursor(0, False, None)
        if is_backwards:
            order = _reverse_ordering(order)
        if position is not None:
            rows = rows.filter(**{f"{self._column.name}__{'lt' if order[0].startswith('-') else 'gt'}": position})
        use_partial_index = getattr(view.filterset, "use_partial_index", False)
        station_keys = keys_if_few(rows.stations_shown_to(request.user))
        count = offset + (self.get_page_size(request) or 0) + 1
        return first_of(rows.order_by(*order), count, stations=station_keys, use_partial_index=use_partial_index)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Decode the cursor. An invalid one is a client error, not a server error."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                self._column.to_python(cursor.position)
            except (ValidationError, ValueError):
                raise exceptions.NotFound(self.invalid_cursor_message) from None
        return cursor


def problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return an error of the API, Django or a service as a problem (RFC 9457); in production also unexpected ones."""
    error = _as_api_exception(error)
    if not isinstance(error, exceptions.APIException):
        if settings.DEBUG:
            return None
        logger.error("the API failed", exc_info=error)
        error = exceptions.APIException(_("Something went wrong on our side. The error has been logged."))
    response = exception_handler(error, dict(context))
    if response is None:
        return None
    set_rollback()
    document = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
        "detail": _detail(error),
        "instance": context["request"].path,
    }
    if isinstance(error, exceptions.ValidationError):
        document["errors"] = [{"field": field, "message": text} for field, text in _flat(error.detail)]
    headers = {name: value for name, value in response.items() if name.lower() != "content-type"}
    return Response(document, status=response.status_code, headers=headers, content_type=PROBLEM)


def _as_api_exception(error: Exception) -> Exception:
    match error:
        case NotAllowed():
            return exceptions.PermissionDenied(str(error))
        case DomainError():
            if (seconds := getattr(error, "retry_after_seconds", None)) is not None:
                return exceptions.Throttled(wait=seconds, detail=str(error))
            return _Refused(error)
        case Http404():
            return exceptions.NotFound(_("Not found, or you have no access to it."))
        case SuspiciousOperation():  # a form with too many fields, for one
            return exceptions.ParseError(_("The request cannot be read."))
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case ValidationError():
            return exceptions.ValidationError(serializers.as_serializer_error(error))
        case _:
            return error


class _Refused(exceptions.ValidationError):
    """A service's DomainError: one sentence for the user, and the fields that it concerns."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.fields or {})
        self.sentence = str(error)


def _detail(error: exceptions.APIException) -> str:
    if isinstance(error, _Refused):
        return error.sentence
    if isinstance(error, exceptions.ValidationError):
        return " ".join(dict.fromkeys(text for _field, text in _flat(error.detail)))
    return force_str(error.detail)


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the message of each error, however deeply nested."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            place = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(part for part in (path, place) if part))
    elif isinstance(detail, list | tuple):
        for number, inner in enumerate(detail):
            is_row = isinstance(inner, dict)
            yield from _flat(inner, f"{path}[{number}]" if is_row else path)
    else:
        yield path, force_str(detail)
