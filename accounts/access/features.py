"""The features that can be switched off per team, declared in one list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that can be switched off for a team.

    Attributes:
        what: one sentence that describes the feature on the settings page.
        pages, api: prefixes of URL names that answer with 403 while the feature is off.
    """

    key: str
    label: Promise
    what: Promise
    pages: tuple[str, ...] = ()
    api: tuple[str, ...] = ()


FEATURES: tuple[Feature, ...] = (
    Feature(
        "api",
        gettext_lazy("REST API"),
        gettext_lazy("Applications read and edit the team's data with API tokens."),
        pages=("accounts:api_token", "team:program"),
        api=("api:",),
    ),
    Feature(
        "commands",
        gettext_lazy("Commands"),
        gettext_lazy("Start and stop sessions, reset, unlock and configure stations from here."),
        pages=("operations:",),
        api=("api:command", "api:station-commands"),
    ),
    Feature(
        "branding",
        gettext_lazy("Branding"),
        gettext_lazy("The portal and e-mails with the team's branding, on its own domain."),
        pages=("team:branding",),
    ),
    Feature("exports", gettext_lazy("Exports"), gettext_lazy("Lists as CSV and Excel files.")),
    Feature(
        "security_events",
        gettext_lazy("Security events"),
        gettext_lazy("Security events reported by stations."),
        pages=("maintenance:security",),
        api=("api:security-event",),
    ),
)
FEATURES_BY_KEY = {feature.key: feature for feature in FEATURES}


def feature_off_message(key: str) -> str:
    return _("“%(feature)s” is switched off for your team. The operator of this platform can switch it on.") % {
        "feature": FEATURES_BY_KEY[key].label
    }


def missing_features(teams: Iterable[Iterable[str]]) -> dict[str, str]:
    """Return the features that are off in every team, each with the message for its users.

    Args:
        teams: the keys of the features that are off, per team. Without any team the result is empty.
    """
    off = [set(team) for team in teams]
    return {key: feature_off_message(key) for key in set.intersection(*off) & FEATURES_BY_KEY.keys()} if off else {}


def feature_at(view_name: str) -> Feature | None:
    """Return the feature that a page belongs to, or None."""
    return next((feature for feature in FEATURES if view_name.startswith(feature.pages)), None)
