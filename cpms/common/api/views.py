"""Building blocks of the REST API's views: permissions, scope, times in UTC, time filters, problems in the schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cpms.common.api.base import PROBLEM, PersonThrottle, StrictJSONParser
from cpms.common.errors import NotAllowed
from cpms.common.text.dates import is_sensible

RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


class ProblemErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem as in RFC 9457. `errors` lists the invalid fields, if any."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    # not a plain class attribute: Serializer itself has a property of this name
    vars()["errors"] = ProblemErrorSerializer(many=True, required=False)


class ApiSchema(AutoSchema):
    """Adds a problem to the possible responses of every operation."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problem_body = self._get_response_for_code(ProblemSerializer, "default", [PROBLEM], direction)
        return bodies | {"default": problem_body | {"description": "A problem, in words and by field."}}


def require_features(user: Any, view_name: str) -> None:
    """Refuse views of features that are disabled in all of the user's teams.

    Raises:
        NotAllowed: with the reason.
    """
    for prefixes, sentence in user.access.api_off:
        if view_name.startswith(prefixes):
            raise NotAllowed(sentence)


class ApiView(APIView):
    """Base class of all API views."""

    throttle_classes = [PersonThrottle]
    parser_classes = [StrictJSONParser]
    schema = ApiSchema()
    right: str = ""  # the right that a key must include; default: the right of the queryset
    rights_by_method: Mapping[str, str] = {}
    personal_rights: Mapping[str, str] = {}  # by method, for a user's own objects, which need no right of a role

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        timezone.activate(UTC)  # clients of the API expect UTC, whatever time zone the user chose for pages
        super().initial(request, *args, **kwargs)
        if request.user.is_authenticated and request.resolver_match:
            require_features(request.user, request.resolver_match.view_name)
            if sentence := request.user.access.why_not(self._right_for(request)):
                raise NotAllowed(sentence)

    def _right_for(self, request: Request) -> str:
        method = request.method or ""
        usual: str = self.right or getattr(getattr(self, "queryset", None), "right", "")
        right = self.rights_by_method.get(method, usual)
        user: Any = request.user
        return right if user.is_program else self.personal_rights.get(method, right)

    def handle_exception(self, exc: Exception) -> Response:
        """Add the missing scope to a refusal that results from the scopes of a key."""
        user: Any = getattr(self.request, "user", None)
        right = getattr(getattr(user, "access", None), "refused_right", "")
        if (
            right
            and isinstance(exc, NotAllowed | PermissionDenied)
            and (why := user.access.why_not(right)) not in str(exc)
        ):
            exc = NotAllowed(f"{exc} {why}".strip())
        return super().handle_exception(exc)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        limit = getattr(getattr(request, "_request", request), "rate_limit", None)
        for name, value in zip(RATE_HEADERS, limit or (), strict=False):
            response[name] = str(value)
        return response


class ScopedViewSetMixin(ApiView, GenericAPIView[Any]):
    """Limits a view set to rows that the user may see; other rows give 404."""

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        user = self.request.user  # `visible_to` applies the group selected in a browser; tokens have none
        return queryset.reachable_by(user) if getattr(self, "detail", False) else queryset.visible_to(user)


class TimesMixin(ScopedViewSetMixin):
    """Orders rows by key, newest first. With a time filter, orders by time, which has an index."""

    time_field = "at"

    @property
    def newest_by(self) -> tuple[str, ...]:
        asked = self.request.query_params
        return (f"-{self.time_field}", "-id") if asked.get("since") or asked.get("until") else ("-id",)


class _MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            moment = parse_datetime(str(value).strip().replace(" ", "+"))  # a '+' in a query string is read as a space
        except ValueError:
            moment = None
        if moment is None or not is_sensible(moment):
            raise ValidationError(_("Enter a time like 2027-01-31T12:00:00Z."))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(django_filters.Filter):
    """Filters by an ISO 8601 time; without a time zone it is UTC."""

    field_class = _MomentField


class WholeFilter(django_filters.NumberFilter):
    """Filters by a whole number that fits into a bigint column; a larger one is a client error."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, max_value=2**63 - 1, **kwargs)

    def get_max_validator(self) -> None:
        return None


class TimesFilterSet(django_filters.FilterSet):
    """Base of filtersets with `since` (inclusive) and `until` (exclusive)."""

    time_field = "at"
    since = MomentFilter(method="filter_since", label=gettext_lazy("at this time or later"))
    until = MomentFilter(method="filter_until", label=gettext_lazy("before this time"))

    def filter_since(self, queryset: models.QuerySet[Any], name: str, value: datetime) -> models.QuerySet[Any]:
        return queryset.filter(**{f"{self.time_field}__gte": value})

    def filter_until(self, queryset: models.QuerySet[Any], name: str, value: datetime) -> models.QuerySet[Any]:
        return queryset.filter(**{f"{self.time_field}__lt": value})
