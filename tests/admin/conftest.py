import pytest

from tests import factories


@pytest.fixture
def office(client, staff):
    """A browser of our support staff."""
    client.force_login(staff)
    return client


@pytest.fixture
def one_of_each(team, station, connector, tag, session, viewer):
    """One row of every model, by label."""
    from accounts.services import issue_api_token

    message = factories.MessageFactory(station=station)
    rows = [
        team,
        viewer,
        viewer.memberships.get(),
        issue_api_token(user=viewer, name="t")[0],
        factories.GatewayNodeFactory(),
        station,
        connector,
        tag,
        session,
        factories.ReadingFactory(session=session),
        factories.TeamPowerFactory(team=team),
        factories.CommandFactory(station=station),
        factories.OddityFactory(station=station),
        message,
        factories.InboxEntryFactory(message=message, failed=True),
        factories.InboxShardFactory(),
        factories.StationLinkFactory(station=station),
        factories.RefusedConnectionFactory(station=station),
        factories.SecurityEventFactory(station=station),
        factories.ProgressReportFactory(station=station),
        factories.CertificateRequestFactory(station=station),
    ]
    return {row._meta.label: row for row in rows}
