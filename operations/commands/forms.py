"""Forms for commands to stations, one per kind of command."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from accounts.models import User
from chargers.credentials.services import generate_password
from chargers.models import ChargingStation, Connector, Tag
from chargers.tags.fields import TagValueField
from chargers.tags.services import finding
from chargers.vocabulary import Availability, ConfigurationKey, ResetKind, StationMessage
from cpms.common.text.typed import whole_number
from cpms.common.web.bulk import BulkForm
from operations.commands.models import Command
from operations.commands.services import asking
from sessions.models import ChargingSession


class CommandForm(forms.Form):
    """Base of the forms: a command to one station. `parameters` are the parameters for `request_command`."""

    kind: str
    sent_kind: str | None = None  # the kind of the command, if it differs from the kind of the form
    right = Can.OPERATE  # needed for the station
    title: Any
    button: Any
    is_dangerous = False

    def __init__(self, *args: Any, station: ChargingStation, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.station, self.user = station, user

    def describe(self, session: ChargingSession) -> str:
        """Name a session, without its tag if the user may not see sessions."""
        return describe_session(session, shows_tag=self.user.access.may(Can.SEE_SESSIONS, self.station))

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    @property
    def explanations(self) -> list[str]:
        """Return sentences that explain what the command will do."""
        return []

    def _open_sessions(self) -> QuerySet[ChargingSession]:
        return ChargingSession.objects.open().filter(station=self.station).order_by("connector_number")

    def _selected_connector(self) -> int | None:
        selected = self.data.get("connector") or self.initial.get("connector")
        return whole_number(str(selected))


class ConnectorField(forms.TypedChoiceField):
    """A choice of the station's connectors, each shown with its status."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=gettext_lazy("Connector"), coerce=int, empty_value=None, **kwargs)

    def set_connectors(self, connectors: list[Connector], blank_label: str = "") -> None:
        choices = [
            (
                c.number,
                _("%(number)d, %(status)s") % {"number": c.number, "status": c.get_status_display() or _("Unknown")},
            )
            for c in connectors
        ]
        self.choices = [("", blank_label), *choices] if blank_label else choices


class StartForm(CommandForm):
    kind = Command.Kind.REMOTE_START
    title, button = gettext_lazy("Start a session"), gettext_lazy("Start session")
    connector = ConnectorField()
    id_tag = TagValueField(
        label=gettext_lazy("Tag"),
        help_text=gettext_lazy("Start typing a tag number or name."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connector"].set_connectors(list(self.station.connectors.all()))  # type: ignore[attr-defined]
        self.fields["id_tag"].widget.attrs["list"] = "tags"

    def clean_id_tag(self) -> str:
        value = self.cleaned_data["id_tag"].strip()
        if refusal := asking.why_no_start(self.station, value, self.user):
            raise ValidationError(refusal)
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
    def explanations(self) -> list[str]:
        return [_("The vehicle stops charging. The energy charged so far stays recorded.")]


class ResetForm(CommandForm):
    kind = Command.Kind.RESET
    title, button = gettext_lazy("Reset the station"), gettext_lazy("Reset station")
    is_dangerous = True
    type = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            (ResetKind.SOFT.value, gettext_lazy("Soft: restarts after the current session")),
            (ResetKind.HARD.value, gettext_lazy("Hard: restarts immediately and ends the session")),
        ],
        initial=ResetKind.SOFT.value,
        widget=forms.RadioSelect,
    )

    @property
    def explanations(self) -> list[str]:
        running = list(self._open_sessions())
        if not running:
            return [_("No session is running. The station is offline for a minute or two while it restarts.")]
        return [
            _("A hard reset ends %(session)s. Many stations also end it on a soft reset.")
            % {"session": self.describe(session)}
            for session in running
        ]


class UnlockForm(CommandForm):
    kind = Command.Kind.UNLOCK
    title, button = gettext_lazy("Unlock the connector"), gettext_lazy("Unlock connector")
    connector = ConnectorField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connector"].set_connectors(list(self.station.connectors.all()))  # type: ignore[attr-defined]

    @property
    def explanations(self) -> list[str]:
        running = [s for s in self._open_sessions() if s.connector_number == self._selected_connector()]
        return [
            _("The plug is released and can be removed."),
            *(_("This ends %(session)s.") % {"session": self.describe(session)} for session in running),
        ]


class AvailabilityForm(CommandForm):
    kind = Command.Kind.CHANGE_AVAILABILITY
    title, button = gettext_lazy("Change availability"), gettext_lazy("Change availability")
    type = forms.ChoiceField(
        label=gettext_lazy("Availability"),
        choices=[
            (Availability.OPERATIVE.value, gettext_lazy("In service: charging with a valid tag is possible")),
            (Availability.INOPERATIVE.value, gettext_lazy("Out of service: charging is not possible")),
        ],
        widget=forms.RadioSelect,
    )
    connector = ConnectorField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connectors = list(self.station.connectors.all())
        self.fields["connector"].set_connectors(connectors, _("The whole station"))  # type: ignore[attr-defined]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"type": self.cleaned_data["type"], "connector": self.cleaned_data["connector"] or 0}

    @property
    def explanations(self) -> list[str]:
        if self._open_sessions().exists():
            return [_("The running session continues. The change takes effect when it ends.")]
        return []


class TriggerForm(CommandForm):
    kind = Command.Kind.TRIGGER_MESSAGE
    title, button = gettext_lazy("Request a message"), gettext_lazy("Request message")
    message = forms.ChoiceField(
        label=gettext_lazy("Message"),
        choices=StationMessage.choices,
    )
    connector = ConnectorField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connectors = list(self.station.connectors.all())
        self.fields["connector"].set_connectors(connectors, _("All connectors"))  # type: ignore[attr-defined]


class ReadConfigurationForm(CommandForm):
    kind = Command.Kind.GET_CONFIGURATION
    title, button = gettext_lazy("Read the configuration"), gettext_lazy("Read configuration")

    @property
    def explanations(self) -> list[str]:
        return [
            _("Reads all settings of the station. They appear on the page of the command once the station responds.")
        ]


class ClearCacheForm(CommandForm):
    kind = Command.Kind.CLEAR_CACHE
    title, button = gettext_lazy("Clear the authorization cache"), gettext_lazy("Clear cache")

    @property
    def explanations(self) -> list[str]:
        return [_("The station deletes its list of accepted tags and checks each tag online again.")]


class NewPasswordForm(CommandForm):
    """Set a random password that is sent to the station over its connection, so that no user has to know it."""

    kind, sent_kind = "new_password", Command.Kind.CHANGE_CONFIGURATION
    right = Can.SET_PASSWORDS
    title, button = gettext_lazy("Set a new station password"), gettext_lazy("Send new password")

    @property
    def parameters(self) -> dict[str, Any]:
        return {"key": ConfigurationKey.PASSWORD.value, "value": generate_password()}

    @property
    def explanations(self) -> list[str]:
        return [
            _("A random password is created and sent to the station over its connection (AuthorizationKey)."),
            _("If the station accepts it, the old password stops working. If it refuses, the old one stays."),
            _("If the response is lost, both work until the station connects again. The one it uses then stays."),
        ]


FORMS: dict[str, type[CommandForm]] = {
    form.kind: form
    for form in (
        StartForm, StopForm, ResetForm, UnlockForm, AvailabilityForm, TriggerForm, ReadConfigurationForm,
        ClearCacheForm, NewPasswordForm,
    )
}  # fmt: skip


def describe_session(session: ChargingSession, *, shows_tag: bool) -> str:
    """Name a session by its connector and, if wanted, its tag, as a part of a sentence."""
    if not shows_tag:
        return _("the session on connector %(number)d") % {"number": session.connector_number}
    return _("the session of tag %(tag)s on connector %(number)d") % {
        "tag": session.id_tag or _("unknown"),
        "number": session.connector_number,
    }


def search_tags(station: ChargingStation, user: User, text: str) -> QuerySet[Tag]:
    """Return the tags that match a text and can start a session at this station.

    A user who may not see the station's sessions gets only their own tags.
    """
    tags = Tag.objects.filter(team=station.team_id).valid().in_scope_at(station)
    if not user.access.may(Can.SEE_SESSIONS, station):
        tags = tags.filter(user=user)
    return finding.search_tags(tags, text).order_by("label", "value")


class BulkMessageForm(BulkForm):
    """Asks which message the ticked stations shall send."""

    message = forms.ChoiceField(
        label=gettext_lazy("Message"),
        choices=[
            (message.value, message.label)
            for message in (StationMessage.STATUS, StationMessage.METER_VALUES, StationMessage.BOOT)
        ],
    )
