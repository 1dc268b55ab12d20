"""Re-export the models of this app for other apps and for Django."""

from operations.commands.models import Command

__all__ = ["Command"]
