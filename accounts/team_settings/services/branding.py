"""Services that change a team's branding."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.access.features import feature_off_message
from accounts.access.services import require_team_admin
from accounts.audit.services import Action, record_entry
from accounts.branding.models import Brand, BrandPicture
from accounts.branding.services.branding import FEATURE, clear_branding_cache
from accounts.branding.services.pictures import RenderedPicture, render_icon, render_logo
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
FIELDS = ("portal_name", "accent", "accent_dark", "support_email", "support_phone", "imprint_url")
KINDS: tuple[str, ...] = tuple(BrandPicture.Kind.values)


def require_branding(actor: User | None, team: Team) -> None:
    """Check that a user may change a team's branding.

    Raises:
        NotAllowed: the actor is not an administrator of the team, or the branding feature is off.
    """
    require_team_admin(actor, team)
    if not team.has_feature(FEATURE):
        raise NotAllowed(feature_off_message(FEATURE))


def save_brand(
    *,
    team: Team,
    values: Mapping[str, str],
    uploads: Mapping[str, bytes] | None = None,
    removed_kinds: Collection[str] = (),
    actor: User | None = None,
) -> Brand:
    """Save a team's branding. Other processes show it within a minute.

    Args:
        values: the new values by field (FIELDS); missing fields stay unchanged.
        uploads: the uploaded files by BrandPicture.Kind.
        removed_kinds: the kinds of pictures to remove.

    Raises:
        NotAllowed: the actor is not an administrator of the team, or the branding feature is off.
        DomainError: a value is invalid, a colour has too little contrast, or a file is not a picture (see `fields`).
    """
    require_branding(actor, team)
    rendered = {kind: _render(kind, upload) for kind, upload in (uploads or {}).items()}  # before any row is locked
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        brand = Brand.objects.filter(team=team).first() or Brand(team=team)
        for name in FIELDS:
            setattr(brand, name, values.get(name, getattr(brand, name)).strip())
        check_lines(**{name: getattr(brand, name) for name in FIELDS})
        try:
            brand.full_clean()
        except ValidationError as error:
            name, texts = next(iter(error.message_dict.items()))
            refuse(name, texts[0])
        brand.save()
        changes = {
            kind: _replace(team, kind, rendered.get(kind))
            for kind in (*rendered, *(set(removed_kinds) - rendered.keys()))
        }
        if actual := {kind: change for kind, change in changes.items() if change[0] != change[1]}:
            record_entry(brand, actor=actor, team_id=team.pk, changes=actual, action=Action.UPDATE)
        clear_branding_cache()
    logger.info("branding changed", extra={"team": team.handle, "pictures": sorted(changes)})
    return brand


def _render(kind: str, upload: bytes) -> dict[str, RenderedPicture]:
    if kind not in KINDS:
        raise DomainError(f"There is no picture “{kind}”.")
    try:
        return render_icon(upload) if kind == BrandPicture.Kind.ICON else render_logo(upload)
    except DomainError as error:
        refuse(kind, str(error))


def _replace(team: Team, kind: str, sizes: Mapping[str, RenderedPicture] | None) -> list[str]:
    """Replace all sizes of a picture. Return the old and the new key, shortened, for the audit log."""
    rows = BrandPicture.objects.filter(team=team, kind=kind)
    before = rows.order_by("size").values_list("key", flat=True).first() or ""
    rows.delete()
    added = [
        BrandPicture(
            team=team,
            kind=kind,
            size=size,
            key=key_of(team, kind, size, image.content),
            width=image.width,
            height=image.height,
            content=image.content,
        )
        for size, image in (sizes or {}).items()
    ]
    BrandPicture.objects.bulk_create(added)
    after = min(added, key=lambda row: row.size).key if added else ""
    return [before[:12], after[:12]]


def key_of(team: Team, kind: str, size: str, content: bytes) -> str:
    """Return the public key of a picture. It is the same for the same content, and cannot be guessed."""
    name = f"{team.pk} {kind} {size} {hashlib.sha256(content).hexdigest()}"
    return salted_hmac("accounts.brand", name, algorithm="sha256").hexdigest()


@transaction.atomic
def reset_brand(*, team: Team, actor: User | None = None) -> None:
    """Reset a team's branding to the default. Domains stay.

    Raises:
        NotAllowed: the actor is not an administrator of the team, or the branding feature is off.
    """
    require_branding(actor, team)
    BrandPicture.objects.filter(team=team).delete()
    brand = Brand.objects.filter(team=team).first()
    if brand is not None:
        brand.delete()
    clear_branding_cache()
    logger.info("branding reset", extra={"team": team.handle})
