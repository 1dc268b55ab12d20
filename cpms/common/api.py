"""Bricks of the REST API."""

from rest_framework.pagination import CursorPagination
from rest_framework.views import exception_handler as problem

__all__ = ["NewestFirst", "problem"]


class NewestFirst(CursorPagination):
    ordering = ("-id",)
