"""Why a connection was refused, and what helps, in words for whoever installs the station."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from maintenance.models import RefusedConnection

Cause, Near = RefusedConnection.Cause, RefusedConnection.Near
CURES = {
    Cause.UNKNOWN_PATH: gettext_lazy("Set the station's address to …/ocpp/ followed by its identity."),
    Cause.UNKNOWN_IDENTITY: gettext_lazy("Add the station, or correct the identity it is set to."),
    Cause.NO_SUBPROTOCOL: gettext_lazy("Set the station to OCPP 1.6J (JSON over WebSocket)."),
    Cause.WRONG_SUBPROTOCOL: gettext_lazy("Set the station to OCPP 1.6J (JSON over WebSocket)."),
    Cause.NO_CREDENTIALS: gettext_lazy("Set a password (AuthorizationKey) at the station."),
    Cause.WRONG_CREDENTIALS: gettext_lazy("Set the same password at the station and here."),
    Cause.WRONG_USER: gettext_lazy("The user name must be the identity, case included."),
    Cause.TWO_CREDENTIALS: gettext_lazy("Look for a proxy that adds an Authorization header."),
    Cause.TOO_MANY_ATTEMPTS: gettext_lazy("Correct the password; it is accepted a minute later."),
    Cause.NOT_ENCRYPTED: gettext_lazy(
        "Set the station's address to wss://. If it cannot use TLS any more, support can clear its security profile."
    ),
    Cause.STORAGE: gettext_lazy("Nothing to do at the station: it tries again by itself."),
}
NEAR_CAUSES = {
    Near.CASE: gettext_lazy("It connects as “%(given)s”, but its identity here is “%(identity)s”"),
    Near.BLANKS: gettext_lazy("It connects with extra spaces in its identity: “%(given)s”"),
    Near.PATH: gettext_lazy("It connects to the wrong address: %(path)s"),
    Near.USER: gettext_lazy("The address has no identity: %(path)s"),
    Near.USER_CASE: gettext_lazy("The user name differs from the identity in upper and lower case"),
    Near.PASSWORD_CASE: gettext_lazy("The password is wrong: it differs in upper and lower case only"),
    Near.PASSWORD_BLANKS: gettext_lazy("The password is wrong: it has extra spaces or a line break"),
}
NEAR_CURES = {
    Near.CASE: gettext_lazy(
        "Set the identity at the station to “%(identity)s”, upper and lower case included, or correct it here."
    ),
    Near.BLANKS: gettext_lazy("Set the identity at the station to “%(identity)s”, without spaces around it."),
    Near.PATH: gettext_lazy("Set the station's address to …/ocpp/%(identity)s"),
    Near.USER: gettext_lazy("Set the station's address to …/ocpp/%(identity)s"),
    Near.USER_CASE: gettext_lazy("Set the user name at the station to “%(identity)s”, upper and lower case included."),
    Near.PASSWORD_CASE: gettext_lazy("Enter the password again, upper and lower case included."),
    Near.PASSWORD_BLANKS: gettext_lazy("Enter the password again, without spaces before or after it."),
}
OF_VERSION = {Cause.NO_SUBPROTOCOL, Cause.WRONG_SUBPROTOCOL}  # beside which there may be another mistake


def cause_words(row: RefusedConnection) -> str:
    """Why it was refused. Rows come with their station."""
    near = NEAR_CAUSES.get(Near(row.near)) if row.near else None
    if near is None:
        return row.get_cause_display()
    words = str(near) % _named(row)
    return f"{row.get_cause_display()}. {words}" if row.cause in OF_VERSION else words


def cure_words(row: RefusedConnection) -> str:
    """What helps. Rows come with their station."""
    cure = str(CURES.get(Cause(row.cause), ""))
    near = NEAR_CURES.get(Near(row.near)) if row.near else None
    if near is None:
        return cure
    words = str(near) % _named(row)
    return f"{cure} {words}" if row.cause in OF_VERSION else words


def offer_words(row: RefusedConnection) -> tuple[str, str]:
    """Return which OCPP versions were offered, and how the client came: encryption and kind of authentication."""
    encryption = _("TLS") if row.is_tls else _("no TLS")
    return row.subprotocols or _("none"), f"{encryption} · {row.authentication or _('no authentication')}"


def _named(row: RefusedConnection) -> dict[str, str]:
    identity = row.station.identity if row.station else row.identity
    return {"given": row.identity, "identity": identity, "path": row.path}
