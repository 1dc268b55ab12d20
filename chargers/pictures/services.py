"""Add and remove the pictures of a station."""

from __future__ import annotations

import io
import logging

from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from chargers.pictures.models import MAX_PICTURES, StationPicture
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.web.pictures import Limits, read_picture, without_metadata

logger = logging.getLogger(__name__)
LIMITS = Limits(max_bytes=15 * 1024 * 1024, max_side=12_000, max_pixels=64_000_000)  # a phone's camera
MAX_STORED_SIDE = 1600  # pixels
JPEG_QUALITY = 82


@transaction.atomic
def add_picture(*, station: ChargingStation, upload: bytes, actor: User | None = None) -> StationPicture:
    """Add a picture to a station. It is reduced to 1,600 pixels, and its metadata (place, camera) is not stored.

    Raises:
        NotAllowed: the actor may not edit the station.
        DomainError: the station has two pictures already, or the file is not an acceptable picture (`fields` names
            the picture).
    """
    _require_edit(actor, station)
    rows = ChargingStation.objects.select_for_update(of=("self",), no_key=True).only("pk", "team")
    row = rows.get(pk=station.pk)
    taken = set(StationPicture.objects.filter(station=row).values_list("position", flat=True))
    free = [position for position in range(1, MAX_PICTURES + 1) if position not in taken]
    if not free:
        refuse("picture", _("A station has at most two pictures. Remove one first."))
    try:
        picture = read_picture(upload, LIMITS)
    except DomainError as error:
        refuse("picture", str(error))
    content, (width, height) = _jpeg(picture)
    saved = StationPicture.objects.create(
        station_id=row.pk, position=free[0], width=width, height=height, content=content, added_by=actor
    )
    changes = {"pictures": ["", f"{width} x {height}"]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.UPDATE)
    logger.info("picture added", extra={"station": station.identity})
    return saved


@transaction.atomic
def remove_picture(*, picture: StationPicture, actor: User | None = None) -> None:
    """Remove a picture.

    Raises:
        NotAllowed: the actor may not edit the station.
    """
    station = picture.station
    _require_edit(actor, station)
    changes = {"pictures": [f"{picture.width} x {picture.height}", ""]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.UPDATE)
    picture.delete()
    logger.info("picture removed", extra={"station": station.identity})


def may_edit_pictures(actor: User, station: ChargingStation) -> bool:
    """Return whether the actor may add and remove pictures of the station."""
    return station.handed_over_at is None and actor.access.may(Can.NAME, station)


def _require_edit(actor: User | None, station: ChargingStation) -> None:
    if actor is not None and not may_edit_pictures(actor, station):
        raise NotAllowed(_("Only operators and administrators of the team can edit its stations."))


def _jpeg(picture: Image.Image) -> tuple[bytes, tuple[int, int]]:
    """Return a picture as JPEG on white, reduced if needed, and its size in pixels."""
    picture.thumbnail((MAX_STORED_SIDE, MAX_STORED_SIDE), Image.Resampling.LANCZOS)
    opaque = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    out = io.BytesIO()
    without_metadata(opaque).save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue(), opaque.size
