"""The audit log: which models it follows, and which request made a change.

Only what people decide is followed. What stations report is not: a gateway that wrote a second row for each of their
messages would be half as fast. A save that names none of the fields below costs nothing.
"""

from __future__ import annotations

from accounts.audit.services import follow


def register() -> None:
    from accounts.access import models as access_models
    from accounts.branding import models as branding_models
    from accounts.people import models as people_models
    from accounts.programs import models as programs_models
    from accounts.teams import models as teams_models

    follow(teams_models.Team, ["name", "handle", "station_passwords", "features_off", "requires_two_factor"])
    follow(teams_models.BillingDetails, ["name", "street", "postal_code", "city", "country", "vat_id", "email"])
    follow(teams_models.TeamDomain, ["domain", "purpose", "proved_at", "lost_at"], secrets=["token"])
    look = ["portal_name", "accent", "accent_dark", "support_email", "support_phone", "imprint_url"]
    follow(branding_models.Brand, look)
    person = ["email", "first_name", "last_name", "language", "time_zone", "is_active", "is_staff"]
    follow(people_models.User, person, secrets=["password"])
    follow(people_models.Membership, ["team", "user", "role", "employee_number"])
    follow(access_models.Grant, ["installation", "station", "role", "user", "to_team", "ends_at", "withdrawn_at"])
    follow(programs_models.Program, ["name", "way", "scopes", "requests_per_minute", "revoked_at"])
    follow(programs_models.ProgramKey, ["program", "prefix", "expires_at", "revoked_at"])
    follow(people_models.ApiToken, ["name", "user", "scopes", "revoked", "expiry_date"], secrets=["hashed_key"])
