"""Total charging power of teams over time."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Team


class TeamPower(models.Model):
    """The total charging power of a team's stations, recorded once a minute."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="power")
    at = models.DateTimeField()
    power_w = models.BigIntegerField()
    session_count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "at"], name="team_power_once_a_minute")]
        indexes = [models.Index(fields=["at"], name="team_power_at")]
        verbose_name, verbose_name_plural = _("power of a team"), _("power of teams")

    def __str__(self) -> str:
        return f"{self.team_id} · {self.at:%Y-%m-%d %H:%M}"
