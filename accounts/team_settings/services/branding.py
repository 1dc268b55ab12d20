"""Services that change a team's branding."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.access.features import feature_off_message
from accounts.access.services import demand_team
from accounts.audit.services import Action, note
from accounts.branding.models import Brand, BrandPicture
from accounts.branding.services.looks import FEATURE, clear_branding_cache
from accounts.branding.services.pictures import Made, icon_from, logo_from
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
FIELDS = ("portal_name", "accent", "accent_dark", "support_email", "support_phone", "imprint_url")
KINDS: tuple[str, ...] = tuple(BrandPicture.Kind.values)


def demand_feature(actor: User | None, team: Team) -> None:
    """Raises:
    NotAllowed: the person is no administrator of the team, or the team has no branding.
    """
    demand_team(actor, team)
    if not team.has_feature(FEATURE):
        raise NotAllowed(feature_off_message(FEATURE))


def save_brand(
    *,
    team: Team,
    facts: Mapping[str, str],
    uploads: Mapping[str, bytes] | None = None,
    dropped: Collection[str] = (),
    actor: User | None = None,
) -> Brand:
    """How the team's portal looks from now on. Other processes show it within a minute.

    Args:
        facts: FIELDS; what is missing stays.
        uploads: files by BrandPicture.Kind, as they came.
        dropped: kinds of pictures that go.

    Raises:
        NotAllowed: the person is no administrator of the team, or the team has no branding.
        DomainError: a value is wrong, a colour cannot be read or a file is no picture (`fields` names which).
    """
    demand_feature(actor, team)
    made = {kind: _draw(kind, upload) for kind, upload in (uploads or {}).items()}  # before anything is locked
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        brand = Brand.objects.filter(team=team).first() or Brand(team=team)
        for name in FIELDS:
            setattr(brand, name, facts.get(name, getattr(brand, name)).strip())
        check_lines(**{name: getattr(brand, name) for name in FIELDS})
        try:
            brand.full_clean()
        except ValidationError as error:
            name, texts = next(iter(error.message_dict.items()))
            refuse(name, texts[0])
        brand.save()
        changes = {kind: _replace(team, kind, made.get(kind)) for kind in (*made, *(set(dropped) - made.keys()))}
        if told := {kind: change for kind, change in changes.items() if change[0] != change[1]}:
            note(brand, actor=actor, team_id=team.pk, changes=told, action=Action.UPDATE)
        clear_branding_cache()
    logger.info("look changed", extra={"team": team.handle, "pictures": sorted(changes)})
    return brand


def _draw(kind: str, upload: bytes) -> dict[str, Made]:
    if kind not in KINDS:
        raise DomainError(f"There is no picture “{kind}”.")
    try:
        return icon_from(upload) if kind == BrandPicture.Kind.ICON else logo_from(upload)
    except DomainError as error:
        refuse(kind, str(error))


def _replace(team: Team, kind: str, made: Mapping[str, Made] | None) -> list[str]:
    """Put the sizes of a picture in the place of those that are there. Returns what there was and is, for the trail."""
    rows = BrandPicture.objects.filter(team=team, kind=kind)
    before = rows.order_by("size").values_list("key", flat=True).first() or ""
    rows.delete()
    added = [
        BrandPicture(
            team=team,
            kind=kind,
            size=size,
            key=key_of(team, kind, size, one.content),
            width=one.width,
            height=one.height,
            content=one.content,
        )
        for size, one in (made or {}).items()
    ]
    BrandPicture.objects.bulk_create(added)
    after = min(added, key=lambda row: row.size).key if added else ""
    return [before[:12], after[:12]]


def key_of(team: Team, kind: str, size: str, content: bytes) -> str:
    """The public name of a picture: the same for the same content, and nothing that somebody could work out."""
    named = f"{team.pk} {kind} {size} {hashlib.sha256(content).hexdigest()}"
    return salted_hmac("accounts.brand", named, algorithm="sha256").hexdigest()


@transaction.atomic
def reset_brand(*, team: Team, actor: User | None = None) -> None:
    """Back to our look. Domains stay.

    Raises:
        NotAllowed: the person is no administrator of the team, or the team has no branding.
    """
    demand_feature(actor, team)
    BrandPicture.objects.filter(team=team).delete()
    brand = Brand.objects.filter(team=team).first()
    if brand is not None:
        brand.delete()
    clear_branding_cache()
    logger.info("look reset", extra={"team": team.handle})
