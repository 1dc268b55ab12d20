"""How figures, times and states are shown, once for all pages."""

from django import template

register = template.Library()
