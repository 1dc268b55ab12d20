"""Every button of every page with the outcome of pressing it; read by tests/browser/test_every_button.py.

A new button needs a row here: under the route of its page (see tests/routes.py), the text of the button (or its
`aria-label`) with # for numbers and * for anything, and one of the outcomes of pressing.py. The pages show the team of
tests/browser/fill.py, whose station is connected.
"""

from collections.abc import Mapping

from tests.browser.conftest import PASSWORD
from tests.browser.pressing import (
    CLICK,
    CLOSES,
    MENU,
    After,
    Changes,
    Downloads,
    Elsewhere,
    Filters,
    Goes,
    Opens,
    Refuses,
    Row,
    Says,
    Stays,
)
from tests.hardware_factories import jpeg

SENT = Says("sent to")


def asks(button: str, outcome: Row = SENT) -> Opens:
    """Return the row of a button that opens a form with this button and one that closes it."""
    return Opens({"Cancel": CLOSES, button: outcome})


OUT_OF_SERVICE = asks("Change availability", After({"[name=type][value=Inoperative]": True}, SENT))

COMMON: Mapping[str, Row] = {  # buttons of lists and charts on any page
    "Export": MENU,
    "CSV file": Downloads(".csv"),
    "Excel file": Downloads(".xlsx"),
    "Excel file, all columns": Downloads(".xlsx"),
    "Filter": MENU,
    "Saved views": MENU,
    "Columns": MENU,
    "Save view": After({"#view-name": "Walk"}, Goes(says="View “Walk” saved.")),
    "Delete the view *": Goes(says=" deleted."),
    "Save columns": Goes(says="Columns saved."),
    "Reset columns": Goes(says="Columns reset."),
    "Apply filters": Filters(),
    "Rows per page": Goes(),
    "What the statuses mean": Changes(".meanings"),
    "Table": Changes(".chart-table"),
    "Chart": After({"[data-view=table]": CLICK}, Changes(".chart-table")),
}
NEW = "another long password"
NEW_PASSWORD = {"#id_old": PASSWORD, "#id_password1": NEW, "#id_password2": NEW}
OF_INSTALLATION: Mapping[str, Row] = {  # in the head of each page of an installation
    "Grant access": Goes("access:grant_give"),
    "Add station": Goes("chargers:station_add"),
}
MOVE_STATIONS: Mapping[str, Row] = {
    "Search": Goes(),
    "Move stations": After({"[name=stations]": True}, Goes("places:installation_detail")),
    "Cancel": Goes("places:installation_detail"),
}
BUTTONS: Mapping[str, Mapping[str, Row]] = {
    "access:grant_edit": {"Save access": Goes("access:grant_list"), "Cancel": Goes("access:grant_list")},
    "access:grant_give": {
        "Grant access": After(
            {
                "[name=place][value=station]": True,
                "#id_station": "FULL-1",
                "#id_email": "operator@example.org",
                "[name=role][value=user]": True,
            },
            Goes("access:grant_list"),
        ),
        "Cancel": Goes("access:grant_list"),
    },
    "access:driver_tags": {"Add tag": After({"#id_value": "WALK2"}, Goes(says="can charge with the tag"))},
    "access:grant_list": {
        "Tags": Goes("access:driver_tags"),
        "Grant access": Goes("access:grant_give"),
        "Edit": Goes("access:grant_edit"),
        "Revoke": asks("Revoke access", Goes("access:grant_list", says="revoked")),
    },
    "account_reset_password_from_key": {
        "Request a new link": Goes("accounts:password_reset"),
        "Sign in": Goes("portal:dashboard"),
    },
    "accounts:account": {
        "Edit name and phone": Goes("portal:user_edit"),
        "Confirm or edit e-mail": Goes("accounts:email_change"),
        "Change password": Goes("accounts:password_change"),
        "Two-factor and devices": Goes("accounts:security"),
        "Save settings": Goes(says="saved."),
        "Download your data": Downloads(".json"),
    },
    "accounts:api_tokens": {
        "Revoke token": asks("Revoke token", Goes(says="revoked")),
        "Create token": After({"#id_name": "Walk"}, Says("Copy")),
    },
    "accounts:app_add": {
        "Set up app": After({"#id_code": "000000"}, Refuses("This code is wrong")),
        "Cancel": Goes("accounts:security"),
    },
    "accounts:confirm": {
        "Show": Changes("#id_password"),
        "Confirm": After({"#id_password": PASSWORD}, Goes("accounts:security")),
    },
    "accounts:email_change": {
        "Send confirmation e-mail": After({"#id_email": "other@example.org"}, Goes("accounts:account")),
        "Cancel": Goes("accounts:account"),
    },
    "accounts:email_undo": {"Undo the change": Goes("accounts:password_reset_sent")},
    "accounts:email_confirm": {"Open the dashboard": Goes("portal:dashboard"), "Sign out": Goes("accounts:login")},
    "accounts:invitation": {"Open the dashboard": Goes("portal:dashboard"), "Sign out": Goes("accounts:login")},
    "accounts:key_add": {
        "Add passkey": Elsewhere("tests/browser/test_account.py"),
        "Cancel": Goes("accounts:security"),
    },
    "accounts:password_change": {
        "Change password": After(NEW_PASSWORD, Goes("accounts:account")),
        "Cancel": Goes("accounts:account"),
    },
    "accounts:login": {
        "Show": Changes("#id_password"),
        "Sign in": Elsewhere("tests/browser/test_signing_in.py"),
        "Sign in with a passkey": Elsewhere("tests/browser/test_account.py"),
    },
    "accounts:password_reset": {
        "Send link": After({"#id_email": "full@example.org"}, Goes("accounts:password_reset_sent"))
    },
    "accounts:password_reset_sent": {
        "Back to sign in": Goes("portal:dashboard"),
        "Resend": Goes("accounts:password_reset"),
    },
    "accounts:security": {"Set up app": Goes("accounts:app_add"), "Add passkey": Goes("accounts:key_add")},
    "accounts:teammates": {
        "Automatic enrolment": Goes("team:enrolment"),
        "Change role": asks("Change role", Goes(says=" changed.")),
        "Leave team": asks("Leave team", Goes(says="A team needs an administrator")),
        "Remove": asks("Remove", Goes(says="removed from the team")),
        "Send again": Goes(says="The old link no longer works"),
        "Revoke": asks("Revoke invitation", Goes(says="revoked")),
        "Send invitation": After(
            {"#id_email": "invited@example.org"}, Goes(says="Invitation sent to invited@example.org")
        ),
    },
    "chargers:connector_list": {},
    "chargers:station_add": {
        "Add station": After({"#id_identity": "WALK-1"}, Goes(says="Station WALK-1 added")),
        "Generate another password": Changes("#id_password"),
    },
    "chargers:station_detail": {
        "Start session": asks("Start session", After({"#id_id_tag": "FULLCARD"}, SENT)),
        "Reset": asks("Reset station"),
        "More": MENU,
        "Unlock connector": asks("Unlock connector"),
        "Change availability": OUT_OF_SERVICE,
        "Request a message": asks("Request message"),
        "Read configuration": asks("Read configuration"),
        "Clear authorization cache": asks("Clear cache"),
        "Edit station": Goes("chargers:station_edit"),
        "Hardware and ratings": Goes("chargers:station_hardware"),
        "Deactivate station": asks("Deactivate station", Goes(says=" deactivated.")),
        "Grant access": Goes("access:grant_give"),
        "Send new password": asks("Send new password"),
        "Set password manually": Goes("chargers:station_password"),
        "Correct identity": Goes("chargers:station_identity"),
        "Stop session": asks("Stop session"),
        "Unlock": asks("Unlock connector"),
        "Take out of service": asks("Change availability"),
        "Acknowledge": Changes("#alerts"),
        "Pause": Changes("#log [data-press=pause]"),
        "#:#:#.# *": Changes("#log details"),
        "Copy report": Says("Report copied"),
        "Violations of this model": Goes("maintenance:deviation_model"),
    },
    "chargers:station_edit": {
        "Save station": Goes("chargers:station_detail"),
        "Cancel": Goes("chargers:station_detail"),
    },
    "chargers:station_hardware": {
        "Fill in from the data sheet": Changes("body"),
        "Save hardware": Goes("chargers:station_detail", says="Hardware saved."),
        "Cancel": Goes("chargers:station_detail"),
    },
    "chargers:station_pictures": {
        "Add picture": After({"#id_picture": jpeg()}, Goes("chargers:station_pictures", says="Picture added.")),
        "Remove picture": asks("Remove picture", Goes("chargers:station_pictures", says="Picture removed.")),
    },
    "chargers:station_identity": {
        "Save identity": After({"#id_identity": "FULL-2"}, Goes("chargers:station_detail")),
        "Cancel": Goes("chargers:station_detail"),
    },
    "chargers:station_list": {
        "Add station": Goes("chargers:station_add"),
    },
    "chargers:station_password": {
        "Set password": Goes(says="Open station"),
        "Generate another password": Changes("#id_password"),
        "Cancel": Goes("chargers:station_detail"),
        "Show password": Goes("chargers:station_password_show"),
    },
    "chargers:tag_add": {
        "Save tag": After({"#id_value": "WALK1"}, Goes("chargers:tag_detail")),
        "Add time window": Changes("#windows"),
        "Cancel": Goes("chargers:tag_list"),
    },
    "chargers:tag_detail": {
        "Edit tag": Goes("chargers:tag_edit"),
        "Block": Goes(says="blocked"),
        "Delete": asks("Delete tag", Goes("chargers:tag_list")),
    },
    "chargers:tag_edit": {
        "Save tag": Goes("chargers:tag_detail"),
        "Cancel": Goes("chargers:tag_detail"),
        "Add time window": Changes("#windows"),
    },
    "chargers:tag_list": {
        "Add tag": Goes("chargers:tag_add"),
        "Refused tags": Goes("sessions:refused_tag_list"),
    },
    "maintenance:deviation_list": {},
    "maintenance:deviation_model": {
        "By station": Goes("maintenance:deviation_list"),
        "Copy report": Says("Report copied"),
    },
    "maintenance:deviation_models": {},
    "maintenance:message_detail": {},
    "maintenance:message_list": {},
    "maintenance:refusal_list": {},
    "maintenance:security_list": {
        "Acknowledge": Changes("#list"),
        "Acknowledge all": asks("Acknowledge all", Goes(says="1 alert acknowledged.")),
    },
    "operations:availability": {"Commands": Goes("operations:command_list"), "Change availability": OUT_OF_SERVICE},
    "operations:command_detail": {},
    "operations:command_list": {},
    "operations:remote_start": {
        "Commands": Goes("operations:command_list"),
        "Start session": asks("Start session", After({"#id_id_tag": "FULLCARD"}, SENT)),
    },
    "operations:remote_stop": {"Commands": Goes("operations:command_list"), "Stop session": asks("Stop session")},
    "operations:reset": {"Commands": Goes("operations:command_list"), "Reset": asks("Reset station")},
    "operations:station_command": {
        "Clear cache": Goes("chargers:station_detail", says="sent to"),
        "Cancel": Goes("chargers:station_detail"),
    },
    "places:circuit_add": {
        "Save circuit": After(
            {"#id_name": "Walk", "#id_max_current_a": "32", "#id_parent": "1"}, Goes("places:installation_detail")
        ),
        "Cancel": Goes("places:installation_detail"),
    },
    "places:circuit_edit": {
        "Save circuit": Goes("places:installation_detail"),
        "Cancel": Goes("places:installation_detail"),
    },
    "places:installation_add": {
        "Add installation": After({"#id_name": "Walk"}, Goes("places:installation_detail")),
        "Cancel": Goes("places:installation_list"),
    },
    "places:circuit_deactivate": {
        "Deactivate circuit": Goes("places:installation_detail"),
        "Cancel": Goes("places:installation_detail"),
    },
    "places:circuit_station_add": {
        "Add station": After({"#id_identity": "WALK-1"}, Changes("h1")),
        "Generate another password": Changes("#id_password"),
        "Cancel": Goes("places:installation_detail"),
    },
    "places:circuit_stations": MOVE_STATIONS,
    "places:installation_detail": {
        **OF_INSTALLATION,
        "Add circuit": Goes("places:circuit_add"),
        "Add a station to *": Goes("places:circuit_station_add"),
        "Actions for *": MENU,
        "Edit circuit": Goes("places:circuit_edit"),
        "Move stations here": Goes("places:circuit_stations"),
        "Deactivate circuit": asks("Deactivate circuit", Goes(says="deactivated.")),
        "Remove circuit": asks("Remove circuit", Goes(says="Circuit removed.")),
        "Show deactivated circuits and stations": Goes(says="Hide deactivated circuits and stations"),
    },
    "places:installation_stations": {
        **OF_INSTALLATION,
        "Move stations here": Goes("places:installation_place"),
    },
    "places:installation_sessions": OF_INSTALLATION,
    "places:installation_cards": {
        **OF_INSTALLATION,
        "Add card": After({"[name=tag]": "SELECTEDCARD"}, Goes(says="Tag SELECTEDCARD is valid")),
        "Remove": Goes(says="removed from"),
    },
    "places:installation_access": OF_INSTALLATION,
    "places:installation_place": MOVE_STATIONS,
    "places:installation_edit": {
        **OF_INSTALLATION,
        "Save installation": Goes("places:installation_detail"),
        "Cancel": Goes("places:installation_detail"),
    },
    "places:installation_list": {"Add installation": Goes("places:installation_add")},
    "portal:own": {
        "Start session": asks("Start session", Says("Start request sent")),
        "Stop session": asks("Stop session", Says("Stop request sent")),
    },
    "portal:own_start": {"Start session": Goes("portal:own"), "Cancel": Goes("portal:own")},
    "portal:own_stop": {"Stop session": Goes("portal:own"), "Cancel": Goes("portal:own")},
    "portal:dashboard": {
        "Add station": Goes("chargers:station_add"),
        "Yesterday": Changes(".period"),
        "Today": After({"text=Yesterday": CLICK}, Changes(".period")),
        "Another day": Changes(".dates"),
        "# days": After({"[data-kind=days] [data-reveal]": CLICK}, Changes(".period")),
        "From * to": Changes(".dates"),
    },
    "portal:group_add": {
        "Create group": After({"#id_name": "Walk"}, Goes("portal:group_detail")),
        "Cancel": Goes("portal:group_list"),
    },
    "portal:group_detail": {
        "Show this group only": Goes("portal:dashboard"),
        "Rename": Goes("portal:group_edit"),
        "Delete": asks("Delete group", Goes("portal:group_list")),
        "Add # station": Changes("#contents"),
        "Add": Changes("#contents"),
    },
    "portal:group_edit": {
        "Rename group": After({"#id_name": "Walk"}, Goes("portal:group_detail")),
        "Cancel": Goes("portal:group_detail"),
    },
    "portal:group_list": {"Create group": Goes("portal:group_add")},
    "portal:imprint": {"Open the dashboard": Goes("portal:dashboard")},
    "portal:mail_list": {},
    "portal:notification_choices": {"Save notifications": Goes(says="saved.")},
    "portal:notification_list": {
        "Notification settings": Goes("portal:notification_choices"),
        "Mark all as read": Changes("#list"),
        "Mark as read": Changes("#list"),
    },
    "portal:permissions": {},
    "portal:search": {"Search": After({".page input[name=q]": "full"}, Goes())},
    "portal:user_edit": {
        "Add tag": Changes("#tag-rows"),
        "Remove tag FULLCARD": Changes("#tag-rows"),
        "Save": Goes("portal:user_list"),
        "Cancel": Goes("portal:user_list"),
    },
    "portal:user_list": {"Invite a member": Goes("accounts:teammates"), "Edit": Goes("portal:user_edit")},
    "sessions:gap_list": {},
    "sessions:refused_tag_list": {
        "Adopt": Goes(says="sessions accepted"),
        "Ignore": Goes(says="is ignored from now on"),
    },
    "sessions:session_detail": {
        "Raw messages": Goes("maintenance:message_list"),
        "Stop session": asks("Stop session"),
        "Power": After({"[data-view=table]": CLICK}, Changes(".chart-table")),
    },
    "sessions:session_list": {},
    "team:audit": {},
    "team:billing": {"Save billing details": Goes(says="saved.")},
    "team:branding": {
        "Reset branding": asks("Reset branding", Goes(says="Branding reset.")),
        "Save branding": Goes(says="saved."),
    },
    "team:branding_hosts": {"Add host name": After({"#id_domain": "walk.example.org"}, Goes(says="walk.example.org"))},
    "team:choose": {},
    "team:enrolment": {
        "Check record": Says("record"),
        "Remove domain": asks("Remove domain", Goes(says="removed")),
        "Add domain": After({"#id_domain": "walk.example.org"}, Goes(says="walk.example.org")),
    },
    "team:general": {"Save team": Goes(says="saved.")},
    "team:program_add": {
        "Add application": After({"#id_name": "Walk", "[name=scopes]": True}, Goes(says="This is the new key")),
        "Cancel": Goes("team:programs"),
    },
    "team:program_edit": {
        "Create a new key": Goes("team:program_rotate"),
        "Revoke application": asks("Revoke application", Goes("team:programs")),
        "Save application": Goes("team:programs"),
    },
    "team:program_rotate": {"Create new key": Says("key"), "Cancel": Goes("team:program_edit")},
    "team:programs": {"API reference": Goes("api:docs"), "Add application": Goes("team:program_add")},
    "team:security": {"Save": Goes(says="saved.")},
}
SHELL: Mapping[str, Row] = {  # buttons of the frame, which are pressed on one page only
    "?? Nordlicht Ladeparks*": MENU,
    "Search*": Opens({"Close": Changes("#seek")}),
    "EN": MENU,
    "English": Stays(),
    "Deutsch": Goes(says="Einstellungen"),
    "#": Goes("portal:notification_list"),
    "All stations": MENU,
    "Group #": Goes(says="Log Off Group"),
    "All providers": Stays(),
    "Nordlicht Ladeparks*": Goes(says="Clear filters"),
    "Host": Goes(says="Clear filters"),
    "Group Management": Goes("portal:group_list"),
    "FE*": MENU,
    "System": After({"[data-value=dark]": CLICK}, Changes("[data-press=theme]")),
    "Light": Changes("[data-press=theme]"),
    "Dark": Changes("[data-press=theme]"),
    "Team settings": Goes("team:general"),
    "Members": Goes("accounts:teammates"),
    "Billing": Goes("team:billing"),
    "Your account": Goes("accounts:account"),
    "Sign out": Goes("accounts:login"),
    "Privacy Settings": Opens({"Close": Changes("dialog")}),
}
