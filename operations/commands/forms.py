"""What a person must say to ask a station for something; one form per kind of command."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from accounts.models import User
from chargers.credentials.services import generate_password
from chargers.models import ChargingStation, Connector, Tag
from chargers.tags.forms import TagValueField
from chargers.tags.services import finding
from chargers.vocabulary import Availability, ConfigurationKey, ResetKind, StationMessage
from cpms.common.text.typed import whole_number
from operations.commands.models import Command
from operations.commands.services import asking
from sessions.models import ChargingSession


class CommandForm(forms.Form):
    """Knows its station; `parameters` is what `request_command` takes."""

    kind: str
    sends: str | None = None  # the kind of command it becomes, where that is another one
    right = Can.OPERATE  # what one must be allowed to do with the station
    title: Any
    button: Any
    is_dangerous = False

    def __init__(self, *args: Any, station: ChargingStation, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.station, self.user = station, user

    def describe(self, session: ChargingSession) -> str:
        """Name a session; whoever does not see sessions is not told whose it is."""
        return describe(session, is_whole=self.user.access.may(Can.SEE_SESSIONS, self.station))

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    @property
    def words(self) -> list[str]:
        """What will happen, in sentences."""
        return []

    def _open_sessions(self) -> QuerySet[ChargingSession]:
        return ChargingSession.objects.open().filter(station=self.station).order_by("connector_number")

    def _connector(self) -> Any:
        chosen = self.data.get("connector") or self.initial.get("connector")
        return whole_number(str(chosen))


class ConnectorField(forms.TypedChoiceField):
    """One of the station's connectors; sessions and states are named, so that nobody guesses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=gettext_lazy("Connector"), coerce=int, empty_value=None, **kwargs)

    def fill(self, connectors: list[Connector], whole: str = "") -> None:
        named = [
            (
                c.number,
                _("%(number)d, %(status)s") % {"number": c.number, "status": c.get_status_display() or _("Unknown")},
            )
            for c in connectors
        ]
        self.choices = [("", whole), *named] if whole else named


class StartForm(CommandForm):
    kind = Command.Kind.REMOTE_START
    title, button = gettext_lazy("Start a session"), gettext_lazy("Start session")
    connector = ConnectorField()
    id_tag = TagValueField(
        label=gettext_lazy("Tag"),
        help_text=gettext_lazy("Whose session it is: type part of a tag's value, its label or its person, and choose."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connector"].fill(list(self.station.connectors.all()))  # type: ignore[attr-defined]
        self.fields["id_tag"].widget.attrs["list"] = "tags"

    def clean_id_tag(self) -> str:
        value = self.cleaned_data["id_tag"].strip()
        if why_not := asking.why_no_start(self.station, value, self.user):
            raise ValidationError(why_not)
        tag = Tag.objects.filter(team=self.station.team_id, value__iexact=value).first()
        return tag.value if tag else value


class StopForm(CommandForm):
    kind = Command.Kind.REMOTE_STOP
    title, button = gettext_lazy("Stop the session"), gettext_lazy("Stop session")
    is_dangerous = True
    session = forms.TypedChoiceField(label=gettext_lazy("Session"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["session"].choices = [  # type: ignore[attr-defined]
            (session.pk, self.describe(session)) for session in self._open_sessions()
        ]

    @property
    def words(self) -> list[str]:
        return [_("The vehicle stops charging. What was charged so far stays in the session.")]


class ResetForm(CommandForm):
    kind = Command.Kind.RESET
    title, button = gettext_lazy("Reset the station"), gettext_lazy("Reset station")
    is_dangerous = True
    type = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            (ResetKind.SOFT.value, gettext_lazy("Soft: ends sessions properly, then restarts")),
            (ResetKind.HARD.value, gettext_lazy("Hard: restarts at once")),
        ],
        initial=ResetKind.SOFT.value,
        widget=forms.RadioSelect,
    )

    @property
    def words(self) -> list[str]:
        running = list(self._open_sessions())
        if not running:
            return [_("No session is running. The station is away for a minute or two while it restarts.")]
        return [_("A reset ends %(session)s.") % {"session": self.describe(session)} for session in running]


class UnlockForm(CommandForm):
    kind = Command.Kind.UNLOCK
    title, button = gettext_lazy("Unlock the connector"), gettext_lazy("Unlock connector")
    connector = ConnectorField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connector"].fill(list(self.station.connectors.all()))  # type: ignore[attr-defined]

    @property
    def words(self) -> list[str]:
        running = [s for s in self._open_sessions() if s.connector_number == self._connector()]
        return [
            _("The plug is released, so that it can be pulled out."),
            *(_("This ends %(session)s.") % {"session": self.describe(session)} for session in running),
        ]


class AvailabilityForm(CommandForm):
    kind = Command.Kind.CHANGE_AVAILABILITY
    title, button = gettext_lazy("Change availability"), gettext_lazy("Change availability")
    type = forms.ChoiceField(
        label=gettext_lazy("From now on"),
        choices=[
            (Availability.OPERATIVE.value, gettext_lazy("In service: everybody with a valid tag may charge")),
            (Availability.INOPERATIVE.value, gettext_lazy("Out of service: nobody can charge")),
        ],
        widget=forms.RadioSelect,
    )
    connector = ConnectorField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connectors = list(self.station.connectors.all())
        self.fields["connector"].fill(connectors, _("The whole station"))  # type: ignore[attr-defined]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"type": self.cleaned_data["type"], "connector": self.cleaned_data["connector"] or 0}

    @property
    def words(self) -> list[str]:
        if self._open_sessions().exists():
            return [_("A running session goes on; the change follows when it is over.")]
        return []


class TriggerForm(CommandForm):
    kind = Command.Kind.TRIGGER_MESSAGE
    title, button = gettext_lazy("Ask for a message"), gettext_lazy("Ask for message")
    message = forms.ChoiceField(
        label=gettext_lazy("Message"),
        choices=StationMessage.choices,
    )
    connector = ConnectorField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connectors = list(self.station.connectors.all())
        self.fields["connector"].fill(connectors, _("All of them"))  # type: ignore[attr-defined]


class ReadConfigurationForm(CommandForm):
    kind = Command.Kind.GET_CONFIGURATION
    title, button = gettext_lazy("Read the configuration"), gettext_lazy("Read configuration")

    @property
    def words(self) -> list[str]:
        return [_("The station is asked for all its settings. They are shown with the command when it has answered.")]


class ClearCacheForm(CommandForm):
    kind = Command.Kind.CLEAR_CACHE
    title, button = gettext_lazy("Clear the authorization cache"), gettext_lazy("Clear cache")

    @property
    def words(self) -> list[str]:
        return [_("The station forgets which tags it has accepted before and asks us again for each.")]


class NewPasswordForm(CommandForm):
    """Set a new password. Nobody needs to know it: the station receives it over its connection and we store it."""

    kind, sends = "new_password", Command.Kind.CHANGE_CONFIGURATION
    right = Can.SET_PASSWORDS
    title, button = gettext_lazy("Give the station a new password"), gettext_lazy("Send new password")

    @property
    def parameters(self) -> dict[str, Any]:
        return {"key": ConfigurationKey.PASSWORD.value, "value": generate_password()}

    @property
    def words(self) -> list[str]:
        return [
            _("A random password is made and sent to the station over its connection (AuthorizationKey)."),
            _("When the station accepts it, the old one is dead. When it refuses, the old one stays."),
            _("When its answer is lost, both are accepted until it connects again; the one it then uses stays."),
        ]


FORMS: dict[str, type[CommandForm]] = {
    form.kind: form
    for form in (
        StartForm, StopForm, ResetForm, UnlockForm, AvailabilityForm, TriggerForm, ReadConfigurationForm,
        ClearCacheForm, NewPasswordForm,
    )
}  # fmt: skip


def describe(session: ChargingSession, *, is_whole: bool) -> str:
    if not is_whole:
        return _("the session on connector %(number)d") % {"number": session.connector_number}
    return _("the session of tag %(tag)s on connector %(number)d") % {
        "tag": session.id_tag or _("unknown"),
        "number": session.connector_number,
    }


def search_tags(station: ChargingStation, user: User, text: str) -> QuerySet[Tag]:
    """Tags to choose from for a session at this station; of their own for whoever does not see who charges there."""
    tags = Tag.objects.filter(team=station.team_id).valid().filter(Q(stations=None) | Q(stations=station))
    if not user.access.may(Can.SEE_SESSIONS, station):
        tags = tags.filter(user=user)
    return finding.search_tags(tags, text).order_by("label", "value")
