"""Store certificate requests of stations."""

from __future__ import annotations

import hashlib
from datetime import datetime

from chargers.models import ChargingStation
from maintenance.certificates.models import CertificateRequest


def record_certificate_request(*, station: ChargingStation, csr: str, received_at: datetime) -> None:
    """Store a certificate signing request (PEM) once, even if the station repeats it."""
    row = CertificateRequest(
        station=station, csr=csr, digest=hashlib.sha256(csr.encode()).hexdigest(), received_at=received_at
    )
    CertificateRequest.objects.bulk_create([row], ignore_conflicts=True)
