"""The models and fields of this app whose changes the audit log records.

Only changes that people make are recorded. Reports of stations are not: a second row for each of their messages would
halve the speed of the gateway. A save of other fields costs nothing.
"""

from __future__ import annotations

from accounts.audit.services import track_changes


def register() -> None:
    from accounts.access import models as access_models
    from accounts.branding import models as branding_models
    from accounts.people import models as people_models
    from accounts.programs import models as programs_models
    from accounts.teams import models as teams_models

    track_changes(teams_models.Team, ["name", "handle", "station_passwords", "features_off", "requires_two_factor"])
    track_changes(teams_models.BillingDetails, ["name", "street", "postal_code", "city", "country", "vat_id", "email"])
    track_changes(teams_models.TeamDomain, ["domain", "purpose", "proved_at", "lost_at"], secrets=["token"])
    branding = ["portal_name", "accent", "accent_dark", "support_email", "support_phone", "imprint_url"]
    track_changes(branding_models.Brand, branding)
    person = ["email", "first_name", "last_name", "language", "time_zone", "is_active", "is_staff"]
    track_changes(people_models.User, person, secrets=["password"])
    track_changes(people_models.Membership, ["team", "user", "role", "employee_number"])
    track_changes(
        access_models.Grant, ["installation", "station", "role", "user", "to_team", "ends_at", "withdrawn_at"]
    )
    track_changes(programs_models.Program, ["name", "way", "scopes", "requests_per_minute", "revoked_at"])
    track_changes(programs_models.ProgramKey, ["program", "prefix", "expires_at", "revoked_at"])
    track_changes(people_models.ApiToken, ["name", "user", "scopes", "revoked", "expiry_date"], secrets=["hashed_key"])
