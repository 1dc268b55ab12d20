"""The table of all routes, with the answers that each kind of user gets, and the addresses to ask.

A line is the route's name, then per method the answers to: nobody, the administrator of another team, and of the team
a viewer, an operator and an administrator, then support staff; then the holders of access to the installation with the
station in it: an owner, a user, a service, and an owner whose access has ended (B21). In a line of six answers, these
four get the stranger's answer. Methods that a line does not name must be refused.
"""

from fnmatch import fnmatch
from typing import Any

import pytest
from django.urls import get_resolver, reverse

from accounts.branding.services.branding import STYLE_VERSION
from tests.world import Rows, grant_access

EVERYBODY = "200 200 200 200 200 200"
PERSONS = "302 200 200 200 200 200"  # a page of the user's own things, which may be empty
MEMBERS = "302 404 200 200 200 200 200 404 200 404"  # a page about a row, which strangers do not find
SESSION_MEMBERS = "302 404 200 200 200 200 200 404 404 404"  # Z12, Z16: sessions of others are not for everybody
OPERATORS = "302 404 403 200 200 200 200 404 200 404"
TEAMMATES = "302 404 200 200 200 200"  # tags are the team's, whatever it shares
OPERATE_SOMEWHERE = "302 200 403 200 200 200 200 403 200 403"
TEAM_OPERATORS = "302 404 403 200 200 200"
DOERS = "302 404 403 302 302 302 302 404 302 404"
GIVERS = "302 404 404 404 200 200 403 404 404 404"  # of access: nobody else sees who has it
WIRERS_OF_STATION = "302 404 403 200 200 200 403 404 200 404"  # Z15: technical settings are not the owner's
WIRERS = "302 404 403 403 200 200 403 404 200 404"  # Z15: an owner may not, Z16: the service may
SETTINGS = "302 200 403 403 200 302 403 403 403 403"
PROGRAM = "302 404 403 403 200 200"
OWN = "302 404 200 404 404 404"  # the viewer's
API_OWN = "401 404 200 404 404 404"
API_PERSONS = "401 200 200 200 200 200"
API_MEMBERS = "401 404 200 200 200 200 200 404 200 404"
API_NAMERS = "401 404 403 200 200 200 200 404 200 404"
API_MANAGERS = "401 404 404 404 200 200 404 404 404 404"
API_SESSION_MEMBERS = "401 404 200 200 200 200 200 404 404 404"
STAFF = "302 302 302 302 302 200"
NOBODYS = "302 404 404 404 404 404"
NOWHERE = "404 404 404 404 404 404"
NOWHERE_YET = "302 404 404 404 404 404"

ROUTES: dict[str, dict[str, str]] = {
    "oauth_metadata": {"GET": EVERYBODY},
    "health": {},  # reads the database in another thread; has its own test
    # pages
    "portal:dashboard": {"GET": PERSONS},
    "portal:dashboard_live": {"GET": PERSONS},
    "portal:dashboard_sessions": {"GET": PERSONS},
    "portal:dashboard_power": {"GET": PERSONS},
    "portal:own": {"GET": PERSONS},
    "portal:own_live": {"GET": PERSONS},
    # where users may charge; a viewer needs a tag of their own, which nobody has here
    "portal:own_start": {
        "GET": "302 404 200 200 200 200 200 200 404 404",
        "POST": "302 404 422 422 422 422 422 422 404 404",
    },
    "portal:own_stop": {
        "GET": NOBODYS,
        "POST": NOBODYS,
    },  # for the session's driver; see tests/cpms/portal/test_drivers.py
    "portal:language": {"POST": NOWHERE},  # without saying which
    "portal:privacy": {"POST": "302 302 302 302 302 302"},
    "portal:imprint": {"GET": EVERYBODY},
    "portal:search": {"GET": PERSONS},
    "portal:bell": {"GET": PERSONS},
    "portal:notification_list": {"GET": PERSONS},
    "portal:notification_read": {"POST": "302 404 302 404 404 404"},
    "portal:notification_read_all": {"POST": "302 302 302 302 302 302"},
    "portal:notification_choices": {"GET": PERSONS, "POST": "302 302 302 302 302 302"},
    "accounts:list_columns": {"POST": "302 302 302 302 302 302"},
    "accounts:view_save": {"POST": "302 302 302 302 302 302"},
    "accounts:view_delete": {"POST": "302 404 302 404 404 404"},
    "portal:group_list": {"GET": PERSONS},
    "portal:group_add": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "portal:group_choose": {"POST": "302 302 302 302 302 302"},
    "portal:group_detail": {"GET": OWN},
    "portal:group_edit": {"GET": OWN, "POST": "302 404 422 404 404 404"},
    "portal:group_stations": {"POST": "302 404 404 404 404 404"},  # without saying which
    "portal:group_delete": {"GET": OWN, "POST": "302 404 302 404 404 404"},
    "portal:styleguide": {"GET": NOWHERE},  # where DEBUG is on only
    "portal:user_list": {"GET": PERSONS},
    "portal:user_edit": {"GET": "302 404 200 404 200 200", "POST": "302 404 302 404 302 302"},  # the viewer
    "portal:user_delete": {"GET": "302 302 302 302 302 302", "POST": "302 302 302 302 302 302"},  # nobody chosen
    "portal:own_data": {"GET": PERSONS},
    "portal:mail_list": {"GET": NOWHERE},  # where MAILS_IN_PAGE is on only
    "portal:mail_html": {"GET": NOWHERE},
    "accounts:login": {"GET": "200 302 302 302 302 302", "POST": "200 302 302 302 302 302"},
    "accounts:captcha_challenge": {"GET": EVERYBODY},
    "account_login": {"GET": "200 302 302 302 302 302", "POST": "200 302 302 302 302 302"},
    "account_reset_password_from_key": {"GET": EVERYBODY, "POST": EVERYBODY},  # a link that does not count
    "accounts:password_reset": {"GET": EVERYBODY, "POST": EVERYBODY},  # without an address
    "accounts:password_reset_sent": {"GET": EVERYBODY},
    "accounts:email_confirm": {"GET": EVERYBODY, "POST": EVERYBODY},  # a link that does not count
    "accounts:email_undo": {"GET": EVERYBODY, "POST": EVERYBODY},  # a link that does not count
    "accounts:invitation": {"GET": EVERYBODY, "POST": EVERYBODY},  # a link that does not count
    "accounts:account": {"GET": PERSONS, "POST": "302 302 302 302 302 302"},
    "accounts:theme": {"POST": "302 422 422 422 422 422"},  # without saying which
    "accounts:passkey_login": {"GET": "200 302 302 302 302 302", "POST": "302 302 302 302 302 302"},
    "mfa_authenticate": {"GET": "302 302 302 302 302 302", "POST": "302 302 302 302 302 302"},  # without a first step
    "accounts:confirm": {"GET": PERSONS, "POST": PERSONS},
    "accounts:security": {"GET": PERSONS},
    "accounts:app_add": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "accounts:key_add": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "accounts:key_rename": {"GET": "302 404 404 404 404 404", "POST": "302 404 404 404 404 404"},  # nobody has one
    "accounts:factor_remove": {"GET": "302 404 404 404 404 404", "POST": "302 404 404 404 404 404"},
    "accounts:codes_make": {"GET": PERSONS, "POST": "302 302 302 302 302 302"},  # without a factor there are none
    "accounts:browser_sign_out": {"GET": OWN, "POST": "302 404 302 404 404 404"},
    "accounts:browser_sign_out_others": {"POST": "302 302 302 302 302 302"},
    "accounts:password_change": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "accounts:email_change": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "accounts:teammates": {"GET": PERSONS, "POST": "302 422 403 403 422 422 404 404 404 404"},  # an empty invitation
    "accounts:teammate_role": {"GET": "302 404 403 403 200 200", "POST": "302 404 403 403 302 302"},
    "accounts:teammate_remove": {"GET": "302 404 200 403 200 200", "POST": "302 404 302 404 404 404"},  # the viewer
    "accounts:invitation_resend": {"POST": "302 404 403 403 302 302"},
    "accounts:invitation_revoke": {"GET": "302 404 403 403 200 200", "POST": "302 404 403 403 302 302"},
    "accounts:logout": {"POST": "302 302 302 302 302 302"},
    "accounts:api_tokens": {"GET": PERSONS, "POST": "302 422 422 422 422 422"},
    "accounts:api_token_revoke": {"GET": "302 404 200 404 404 404", "POST": "302 404 302 404 404 404"},
    # without saying what to do; see tests/chargers/stations/test_bulk.py
    "chargers:station_list": {"GET": PERSONS, "POST": "302 403 403 403 403 403"},
    "chargers:station_add": {
        "GET": "302 200 403 403 200 200 403 403 200 403",  # Z16: to the installation
        "POST": "302 422 403 403 422 422 403 403 422 403",
    },
    "chargers:station_edit": {"GET": OPERATORS, "POST": "302 404 403 302 422 422 302 404 302 404"},
    "chargers:station_activity": {
        "GET": "302 404 403 200 200 200 403 404 200 404",
        "POST": "302 404 403 302 302 302 403 404 302 404",
    },
    # Vi8: for administrators of two teams; see tests/chargers/onboarding/test_handing_over.py
    "chargers:station_hand_over": {
        "GET": "302 404 403 403 403 200 403 404 403 404",
        "POST": "302 404 403 403 403 422 403 404 403 404",
    },
    "chargers:station_hardware": {"GET": WIRERS_OF_STATION, "POST": "302 404 403 302 302 302 403 404 302 404"},
    "chargers:station_pictures": {"GET": MEMBERS, "POST": "302 404 422 422 422 422 422 404 422 404"},  # without a file
    "chargers:station_picture": {"GET": MEMBERS},
    "chargers:station_picture_remove": {"GET": OPERATORS, "POST": "302 404 403 302 404 404 404 404 404 404"},
    "chargers:station_identity": {
        "GET": "302 404 403 403 200 200 403 404 200 404",
        "POST": "302 404 403 403 422 422 403 404 422 404",
    },
    "chargers:station_pool": {"GET": "302 403 403 403 403 200"},  # Vi4
    "chargers:station_assign": {"GET": NOWHERE_YET, "POST": NOWHERE_YET},  # the world's station has a team
    "chargers:station_password_show": {"POST": "302 404 403 403 200 200 403 404 200 404"},
    "chargers:station_password": {
        "GET": "302 404 403 403 200 200 403 404 200 404",
        "POST": "302 404 403 403 422 422 403 404 422 404",
    },
    "chargers:station_detail": {"GET": MEMBERS},
    "chargers:station_live": {"GET": MEMBERS},
    "chargers:station_power": {"GET": MEMBERS},
    "chargers:tag_list": {"GET": PERSONS},
    "chargers:tag_add": {
        "GET": "302 200 403 200 200 200 403 403 403 403",
        "POST": "302 302 403 302 302 422 403 403 403 403",
    },
    "chargers:tag_places": {"GET": "302 200 403 200 200 200 403 403 403 403"},
    "places:installation_cards": {"GET": "302 404 200 200 200 200 403 404 403 404"},
    "chargers:installation_cards": {"POST": "302 404 403 302 302 302 403 404 403 404"},
    "chargers:tag_window": {"GET": PERSONS},
    "chargers:tag_bulk": {"POST": "302 302 302 302 302 302"},  # nothing is ticked
    "chargers:tag_detail": {"GET": TEAMMATES},
    "chargers:tag_edit": {"GET": TEAM_OPERATORS, "POST": "302 404 403 422 422 422"},
    "chargers:tag_block": {"POST": "302 404 403 302 302 302"},
    "chargers:tag_delete": {"GET": TEAM_OPERATORS, "POST": "302 404 403 302 404 404"},
    "chargers:connector_list": {"GET": PERSONS},
    "sessions:session_list": {"GET": PERSONS},
    "sessions:gap_list": {"GET": PERSONS},
    "sessions:refused_tag_list": {"GET": PERSONS},
    "sessions:refused_tag_adopt": {"POST": "302 404 403 302 302 302"},
    "sessions:refused_tag_ignore": {"POST": "302 404 403 302 302 302"},
    "sessions:session_detail": {"GET": SESSION_MEMBERS},
    "sessions:session_live": {"GET": SESSION_MEMBERS},
    "sessions:session_chart": {"GET": SESSION_MEMBERS},
    "sessions:session_readings": {"GET": SESSION_MEMBERS},
    "operations:command_list": {"GET": PERSONS},
    "operations:command_detail": {"GET": MEMBERS},
    "operations:remote_start": {"GET": OPERATE_SOMEWHERE},
    "operations:remote_stop": {"GET": OPERATE_SOMEWHERE},
    "operations:reset": {"GET": OPERATE_SOMEWHERE},
    "operations:availability": {"GET": OPERATE_SOMEWHERE},
    "operations:tag_choices": {"GET": OPERATORS},
    "operations:station_command": {"GET": OPERATORS, "POST": DOERS},
    "maintenance:message_list": {"GET": PERSONS},
    "maintenance:message_detail": {"GET": MEMBERS},
    "maintenance:refusal_list": {"GET": PERSONS},
    "maintenance:security_list": {"GET": PERSONS},
    "maintenance:security_acknowledge": {"POST": DOERS},
    "maintenance:security_acknowledge_all": {"POST": "302 302 403 302 302 302 302 403 302 403"},
    "maintenance:deviation_list": {"GET": PERSONS},
    "maintenance:deviation_models": {"GET": PERSONS},
    "maintenance:deviation_model": {"GET": "302 404 404 404 404 404"},  # without saying which
    "portal:permissions": {"GET": PERSONS},
    "places:installation_list": {"GET": PERSONS},
    "places:installation_add": {
        "GET": "302 200 403 403 200 200 403 403 200 403",
        "POST": "302 422 403 403 422 422 403 403 422 403",
    },
    "places:installation_detail": {"GET": MEMBERS},
    "places:installation_live": {"GET": MEMBERS},
    "places:installation_stations": {"GET": MEMBERS},
    "places:installation_sessions": {"GET": "302 404 200 200 200 200 200 404 403 404"},  # Z16
    "places:installation_access": {"GET": "302 404 403 403 200 200 200 404 403 404"},
    "places:installation_place": {"GET": WIRERS, "POST": "302 404 403 403 422 422 403 404 422 404"},
    "places:circuit_stations": {"GET": WIRERS, "POST": "302 404 403 403 422 422 403 404 422 404"},
    "places:circuit_station_add": {"GET": WIRERS, "POST": "302 404 403 403 422 422 403 404 422 404"},
    # the circuit feeds nothing; the answer to a second deactivation is the same
    "places:circuit_deactivate": {"GET": WIRERS, "POST": "302 404 403 403 302 302 403 404 302 404"},
    "places:circuit_activate": {"POST": "302 404 403 403 302 302 403 404 302 404"},
    "places:installation_edit": {
        "GET": "302 404 403 403 200 200 200 404 200 404",
        "POST": "302 404 403 403 422 422 422 404 422 404",
    },
    "places:circuit_add": {"GET": WIRERS, "POST": "302 404 403 403 422 422 403 404 422 404"},
    "places:circuit_edit": {"GET": WIRERS, "POST": "302 404 403 403 422 422 403 404 422 404"},
    # once the administrator has removed it, it is gone
    "places:circuit_remove": {"GET": WIRERS, "POST": "302 404 403 403 302 404 403 404 404 404"},
    # settings of the team that one works for; the stranger sees his own
    "team:general": {"GET": SETTINGS, "POST": "302 422 403 403 422 302 403 403 403 403"},
    "team:billing": {"GET": SETTINGS, "POST": "302 302 403 403 302 302 403 403 403 403"},
    "team:security": {"GET": SETTINGS, "POST": "302 302 403 403 302 302 403 403 403 403"},  # nothing is demanded
    "team:features": {
        "GET": "302 302 403 403 302 302 403 403 403 403",
        "POST": "302 403 403 403 403 302 403 403 403 403",
    },
    "team:enrolment": {"GET": SETTINGS, "POST": "302 422 403 403 422 302 403 403 403 403"},
    "team:branding": {"GET": SETTINGS, "POST": "302 422 403 403 422 302 403 403 403 403"},
    "team:branding_preview": {"GET": SETTINGS},
    "team:branding_reset": {"GET": SETTINGS, "POST": "302 302 403 403 302 302 403 403 403 403"},
    "team:branding_hosts": {"GET": SETTINGS, "POST": "302 422 403 403 422 302 403 403 403 403"},
    "brand:style": {"GET": EVERYBODY},
    "brand:picture": {"GET": EVERYBODY},
    "brand:ask": {"GET": NOWHERE},  # without saying which host
    "team:domain_prove": {"POST": "302 404 404 404 302 302 404 404 404 404"},
    "team:domain_drop": {
        "GET": "302 404 404 404 200 200 404 404 404 404",
        "POST": "302 404 404 404 302 404 404 404 404 404",  # once it is dropped it is gone
    },
    "team:programs": {"GET": SETTINGS},
    "team:program_add": {"GET": SETTINGS, "POST": "302 422 403 403 422 302 403 403 403 403"},
    "team:program_edit": {"GET": PROGRAM, "POST": "302 404 403 403 422 422"},
    "team:program_rotate": {"GET": PROGRAM, "POST": "302 404 403 403 422 422"},
    "team:program_revoke": {"GET": PROGRAM, "POST": "302 404 403 403 302 302"},
    "team:audit": {"GET": "302 200 403 403 200 200 403 403 403 403"},
    "team:choose": {"GET": PERSONS},
    "team:switch": {"POST": "302 404 404 404 404 404"},  # without saying which
    "access:grant_list": {"GET": PERSONS},
    "access:grant_give": {
        "GET": "302 200 403 403 200 200 200 403 403 403",
        "POST": "302 422 403 403 422 422 422 403 403 403",
    },
    # the team gave it, so an owner sees it but cannot revoke it; see tests/chargers/grants/test_withdrawing.py
    "access:grant_edit": {"GET": GIVERS, "POST": "302 404 404 404 422 422 403 404 404 404"},
    "access:grant_withdraw": {"GET": GIVERS, "POST": "302 404 404 404 302 302 403 404 404 404"},
    # the access of the table is an owner's, given by the team
    "access:driver_tags": {"GET": GIVERS, "POST": "302 404 404 404 302 302 403 404 404 404"},
    # API
    # support staff has to say which team; an empty document changes nothing
    "api:setup": {"GET": "401 200 403 403 200 400 403 403 403 403", "PUT": "401 200 403 403 200 400 403 403 403 403"},
    "api:own-sessions": {"GET": API_PERSONS},
    "api:own-tags": {"GET": API_PERSONS},
    "api:own-places": {"GET": API_PERSONS},
    "api:own-start": {"POST": "401 404 400 400 400 400 400 400 404 404"},  # without saying where and with what
    "api:own-stop": {
        "POST": "401 404 404 404 404 404"
    },  # for the session's driver; see tests/cpms/portal/test_drivers.py
    "api:api-root": {"GET": API_PERSONS},
    "api:schema": {"GET": EVERYBODY},
    "api:docs": {"GET": EVERYBODY},
    "api:nowhere": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), NOWHERE),
    "api:token": {"POST": "400 400 400 400 400 400"},  # an empty one; who has the password gets a key
    "api:oauth_token": {"POST": "400 400 400 400 400 400"},  # without a client's secret
    "api:token-list": {"GET": API_PERSONS},
    "api:token-detail": {"DELETE": "401 404 204 404 404 404"},  # the viewer's
    "api:station-list": {"GET": API_PERSONS, "POST": "401 400 403 403 400 400 403 403 400 403"},  # without an identity
    "api:station-detail": {"GET": API_MEMBERS, "PATCH": API_NAMERS},
    "api:station-password": {"POST": "401 404 403 403 200 200 403 404 200 404"},
    "api:station-hand-over": {"POST": "401 404 403 403 403 400 403 404 403 404"},  # without saying to whom
    "api:station-correct-identity": {"POST": "401 404 403 403 400 400 403 404 400 404"},  # without saying to what
    "api:station-commands": {"GET": API_MEMBERS, "POST": "401 404 403 201 201 201 201 404 201 404"},
    "api:installation-list": {"GET": API_PERSONS, "POST": "401 400 403 403 400 400 403 403 400 403"},  # without a name
    "api:installation-detail": {"GET": API_MEMBERS, "PATCH": "401 404 403 403 200 200 200 404 200 404"},
    "api:installation-circuits": {"POST": "401 404 403 403 400 400 403 404 400 404"},  # without a name
    "api:installation-circuit": {
        "PATCH": "401 404 403 403 200 200 403 404 200 404",
        "DELETE": "401 404 403 403 204 404 403 404 404 404",  # the administrator's turn comes first
    },
    "api:installation-deactivate": {"POST": "401 404 403 403 200 200 403 404 200 404"},
    "api:installation-activate": {"POST": "401 404 403 403 200 200 403 404 200 404"},
    "api:member-list": {"GET": API_PERSONS},
    "api:member-detail": {  # of the viewer, who leaves the team before anybody else could remove him
        "GET": "401 404 200 200 200 200 404 404 404 404",
        "PATCH": "401 404 403 403 200 200 404 404 404 404",
        "DELETE": "401 404 204 404 404 404",
    },
    "api:invitation-list": {
        "GET": API_PERSONS,
        "POST": "401 400 403 403 400 400 403 403 403 403",
    },  # without an address
    "api:invitation-detail": {"GET": API_MANAGERS, "DELETE": "401 404 404 404 204 404 404 404 404 404"},
    "api:invitation-resend": {"POST": "401 404 404 404 200 400 404 404 404 404"},  # not twice at once
    "api:connector-list": {"GET": API_PERSONS},
    "api:connector-detail": {"GET": API_MEMBERS},
    "api:session-list": {"GET": API_PERSONS},
    "api:session-detail": {"GET": API_SESSION_MEMBERS},
    "api:sample-list": {"GET": API_PERSONS},
    "api:sample-detail": {"GET": API_SESSION_MEMBERS},
    "api:command-list": {"GET": API_PERSONS},
    "api:command-detail": {"GET": API_MEMBERS},
    "api:message-list": {"GET": API_PERSONS},
    "api:message-detail": {"GET": API_MEMBERS},
    "api:gap-list": {"GET": API_PERSONS},
    "api:security-event-list": {"GET": API_PERSONS},
    "api:security-event-detail": {"GET": API_MEMBERS},
    "api:security-event-acknowledge": {"POST": "401 404 403 200 200 200 200 404 200 404"},
    "api:station-deviations": {"GET": API_MEMBERS},
    "api:deviation-list": {"GET": API_PERSONS},
    "api:deviation-detail": {"GET": API_MEMBERS},
    "api:refused-connection-list": {"GET": API_PERSONS},
    "api:refused-connection-detail": {"GET": API_MEMBERS},
    "api:grant-list": {"GET": API_PERSONS, "POST": "401 400 400 400 400 400"},  # without saying where
    "api:grant-detail": {
        "GET": "401 404 404 404 200 200 200 404 404 404",
        "PATCH": "401 404 404 404 200 200 403 404 404 404",
        "DELETE": "401 404 404 404 204 204 403 404 404 404",
    },
    "api:grant-tags": {  # the team gave the access, so an owner has no say in it
        "GET": "401 404 404 404 200 200 403 404 404 404",
        "POST": "401 404 404 404 201 201 403 404 404 404",
    },
    "api:refused-tag-list": {"GET": API_PERSONS},
    "api:refused-tag-detail": {"GET": "401 404 200 200 200 200"},
    "api:refused-tag-adopt": {"POST": "401 404 403 200 200 200"},
    "api:refused-tag-ignore": {"POST": "401 404 403 200 200 200"},
    "api:group-list": {"GET": API_PERSONS, "POST": "401 400 400 400 400 400"},  # without a name
    "api:group-detail": {"GET": API_OWN, "PATCH": API_OWN, "DELETE": "401 404 204 404 404 404"},
    "api:tag-list": {"GET": API_PERSONS, "POST": "401 201 403 201 201 400 403 403 403 403"},  # staff must say whose
    "api:tag-detail": {
        "GET": "401 404 200 200 200 200",
        "PATCH": "401 404 403 200 200 200",
        "DELETE": "401 404 403 204 404 404",
    },
    "api:notification-list": {"GET": API_PERSONS},
    "api:notification-detail": {"GET": API_OWN},
    "api:notification-read": {"POST": API_OWN},
    "api:notification-read-all": {"POST": "401 400 400 400 400 400"},  # without saying until which
    # admin; tests/admin tests the pages of each model
    "admin/login/": {"GET": "302 403 403 403 403 403"},
    "admin:login": {"GET": "302 403 403 403 403 403"},
    "admin:logout": {"POST": "302 302 302 302 302 200"},
    "admin:jsi18n": {"GET": STAFF},
    "admin:view_on_site": {"GET": "302 302 302 302 302 404"},
    "admin:index": {"GET": STAFF},
    "admin:search": {"GET": STAFF},
    "admin:autocomplete": {"GET": "302 302 302 302 302 403"},  # without saying for what
    "admin:password_change": {"GET": "302 302 302 302 302 302"},
    "admin:password_change_done": {"GET": STAFF},
    "admin:app_list": {"GET": STAFF},
    "admin:auth_user_password_change": {"GET": STAFF},
    "admin:*_changelist": {"GET": STAFF},
    "admin:*_process_import": {"POST": STAFF},
    "admin:*_import": {"GET": STAFF},
    "admin:*_export": {"GET": STAFF},
    "admin:*_add": {"GET": "302 302 302 302 302 200|403"},
    "admin:*_change": {"GET": STAFF},
    "admin:*_delete": {"GET": "302 302 302 302 302 200|403"},
    "admin:*_history": {"GET": STAFF},
    "admin/*": {"GET": "302 302 302 302 302 302|404"},  # old addresses of changes, and whatever is none
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("chargers:station_edit", "POST"): {"installation": "0"},  # none; only who may move a station is asked for it
    ("chargers:tag_add", "POST"): {"value": "", "kind": "other"},
    ("api:station-commands", "POST"): {"kind": "clear_cache"},
}


def _walk(patterns: Any, space: str = "", route: str = "") -> Any:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, inner, route + str(pattern.pattern))
        elif pattern.name:
            yield space + pattern.name, pattern
        else:
            yield route + str(pattern.pattern), pattern


FOUND = dict(_walk(get_resolver().url_patterns))


def line_of(name: str) -> dict[str, str] | None:
    return ROUTES.get(name) or next((line for wanted, line in ROUTES.items() if fnmatch(name, wanted)), None)


@pytest.fixture
def rows(one_of_each):
    return keys_of(one_of_each)


def keys_of(one_of_each: Rows) -> dict[str, Any]:
    """Keys of rows by what a route's name begins with; the longest beginning wins."""
    of = {label.partition(".")[2]: row for label, row in one_of_each.items()}
    station = of["ChargingStation"]
    return {
        "places": {"pk": of["Installation"].pk, "circuit": of["Circuit"].pk},
        "api:installation": {"pk": of["Installation"].pk, "circuit_id": of["Circuit"].pk},
        "api:member": {"pk": of["Membership"].pk},
        "api:invitation": {"pk": of["Invitation"].pk},
        "team": {"pk": of["TeamDomain"].pk},
        "brand": {"version": STYLE_VERSION, "light": "4338ca", "dark": "818cf8", "key": of["BrandPicture"].key},
        "team:program": {"pk": of["Program"].pk},
        "access": {"pk": of["Grant"].pk},
        "api:grant": {"pk": of["Grant"].pk},
        "admin": {row._meta.label_lower.replace(".", "_"): row for row in one_of_each.values()},
        "portal:notification": {"pk": of["Notification"].pk},
        "portal:group": {"pk": of["StationGroup"].pk},
        "chargers:station_picture": {"pk": station.pk, "picture": of["StationPicture"].pk},
        "accounts:list_columns": {"name": "stations"},
        "accounts:view_save": {"name": "stations"},
        "accounts:view_delete": {"pk": of["SavedView"].pk},
        "portal:own_start": {"pk": station.pk},
        "portal:own_stop": {"pk": of["ChargingSession"].pk},
        "chargers": {"pk": station.pk},
        "chargers:installation": {"pk": of["Installation"].pk},
        "chargers:tag": {"pk": of["Tag"].pk},
        "sessions": {"pk": of["ChargingSession"].pk},
        "sessions:refused_tag": {"pk": of["RefusedTag"].pk},
        "operations": {"pk": station.pk, "kind": "clear_cache"},
        "operations:command": {"pk": of["Command"].pk},
        "maintenance": {"pk": of["Message"].pk},
        "maintenance:security": {"pk": of["SecurityEvent"].pk},
        "accounts": {
            "prefix": of["ApiToken"].prefix,
            "pk": of["Membership"].pk,
            "invitation": of["Invitation"].pk,
            "token": "none",
        },
        "portal:user": {"pk": of["User"].pk},
        "accounts:browser": {"pk": of["SignedInBrowser"].pk},
        "accounts:key": {"pk": 1},
        "accounts:factor": {"pk": 1},
        "portal:mail": {"name": "none"},
        "account_": {"uidb36": "1", "key": "none"},
        "api": {"identity": station.identity, "prefix": of["ApiToken"].prefix},
        "api:group": {"pk": of["StationGroup"].pk},
        "api:own-stop": {"pk": of["ChargingSession"].pk},
        "api:refused-tag": {"pk": of["RefusedTag"].pk},
        "api:tag": {"pk": of["Tag"].pk},
        "api:notification": {"pk": of["Notification"].pk},
        "api:connector": {"pk": of["Connector"].pk},
        "api:session": {"pk": of["ChargingSession"].pk},
        "api:sample": {"pk": of["MeterReading"].pk},
        "api:command": {"pk": of["Command"].pk},
        "api:message": {"pk": of["Message"].pk},
        "api:security-event": {"pk": of["SecurityEvent"].pk},
        "api:deviation": {"pk": of["Deviation"].pk},
        "api:refused-connection": {"pk": of["RefusedConnection"].pk},
    }


@pytest.fixture
def holders(one_of_each):
    """People who were given access; see `grant_access`."""
    return grant_access(one_of_each["chargers.ChargingStation"], one_of_each["chargers.Installation"])


def address(name: str, rows: dict[str, Any]) -> str:
    """Where the route is, filled with the rows' keys."""
    pattern = FOUND[name].pattern
    wanted = set(pattern.regex.groupindex) | set(getattr(pattern, "converters", {}))
    if name == "api:nowhere":
        return "/api/v1/nowhere/"
    if "/" in name:  # it has no name of its own
        return "/" + name.replace("<path:object_id>", "1").replace("(?P<url>.*)$", "none/")
    if ":" not in name and not wanted:
        return reverse(name)
    if name.startswith("admin:"):
        return _admin_address(name, wanted, rows["admin"])
    values: dict[str, Any] = {}
    for start in sorted(rows, key=len):
        if name.startswith(start):
            values |= rows[start]
    return reverse(name, kwargs={key: values[key] for key in wanted})


def _admin_address(name: str, wanted: set[str], rows: dict[str, Any]) -> str:
    if name == "admin:app_list":
        return reverse(name, args=["chargers"])
    if name == "admin:view_on_site":
        return reverse(name, args=[99999, 1])
    if not wanted:
        return reverse(name)
    if name == "admin:auth_user_password_change":
        return reverse(name, args=[rows["accounts_user"].pk])
    return reverse(name, args=[rows[name.removeprefix("admin:").rpartition("_")[0]].pk])
