"""Bodies of API requests, read strictly: fields that are not declared are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request


class RequestSerializer(serializers.Serializer[Any]):
    """The body of a request. Unknown fields are refused: ignoring a misspelt 'expires_at' would create a tag that
    never expires."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(self.fields) or _("none")
                sentence = _("Unknown field. Known fields: %(names)s.") % {"names": known}
                raise serializers.ValidationError({name: [sentence] for name in unknown})
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request, **kwargs: Any) -> dict[str, Any]:
        """Return the validated values of a request's body.

        Raises:
            ValidationError: a field is missing, wrong or unknown.
        """
        serializer = cls(data=request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class NoFields(RequestSerializer):
    """The empty body of an action that needs only its URL."""
