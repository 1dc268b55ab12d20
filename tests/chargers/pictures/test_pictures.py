"""Pictures of stations: at most two, drawn again, seen by who may see the station."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import AuditEntry, Team, User
from chargers.models import ChargingStation, StationPicture
from chargers.pictures.services import add_picture, remove_picture
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def station(team: Team) -> ChargingStation:
    return factories.StationFactory.create(team=team)


def photo(width: int = 4000, height: int = 3000) -> bytes:
    """Return a photo with the position in its metadata, taken with the camera turned."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_a_photo_is_reduced_turned_and_stripped(station: ChargingStation, operator: User) -> None:
    """W64."""
    picture = add_picture(station=station, upload=photo(), actor=operator)
    stored = Image.open(io.BytesIO(picture.content))
    assert (picture.width, picture.height) == stored.size == (1200, 1600)
    assert stored.format == "JPEG" and not stored.getexif() and b"Secret" not in picture.content
    assert AuditEntry.objects.latest("pk").changes == {"pictures": ["", "1200 x 1600"]}


def test_a_third_picture_is_refused_until_one_is_removed(station: ChargingStation) -> None:
    """W64."""
    first = add_picture(station=station, upload=photo(64, 48))
    add_picture(station=station, upload=photo(64, 48))
    with pytest.raises(DomainError, match="at most two") as caught:
        add_picture(station=station, upload=photo(64, 48))
    assert set(caught.value.fields) == {"picture"}
    remove_picture(picture=first)
    assert add_picture(station=station, upload=photo(64, 48)).position == 1


@pytest.mark.parametrize("upload", [b"", b"no picture", b"<svg xmlns='x'/>", photo(64, 48)[:300], photo(4, 4)])
def test_what_is_no_picture_is_refused(station: ChargingStation, upload: bytes) -> None:
    with pytest.raises(DomainError) as caught:
        add_picture(station=station, upload=upload)
    assert set(caught.value.fields) == {"picture"}
    assert not StationPicture.objects.exists()


def test_viewers_look_and_operators_add(client: Any, station: ChargingStation, viewer: User, operator: User) -> None:
    with pytest.raises(NotAllowed):
        add_picture(station=station, upload=photo(64, 48), actor=viewer)
    url = f"/stations/{station.pk}/pictures/"
    client.force_login(operator)
    assert client.post(url, {"picture": SimpleUploadedFile("a.txt", b"text")}).status_code == 422
    assert client.post(url, {"picture": SimpleUploadedFile("a.jpg", photo(64, 48))}).status_code == 302
    picture = StationPicture.objects.get()
    assert picture.added_by == operator
    client.force_login(viewer)
    shown = client.get(f"{url}{picture.pk}.jpg")
    assert shown["Content-Type"] == "image/jpeg"
    assert f"{url}{picture.pk}.jpg" in client.get(station.get_absolute_url()).content.decode()
    assert client.post(f"{url}{picture.pk}/remove/").status_code == 403
    client.force_login(factories.MembershipFactory.create().user)
    assert client.get(f"{url}{picture.pk}.jpg").status_code == 404
    client.force_login(operator)
    other = factories.StationFactory.create(team=station.team)
    assert client.get(f"/stations/{other.pk}/pictures/{picture.pk}.jpg").status_code == 404
    assert client.post(f"{url}{picture.pk}/remove/").status_code == 302
    assert not StationPicture.objects.exists()
