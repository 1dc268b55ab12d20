import re

import django_tables2 as tables
import pytest
from django.template import engines
from django.urls import reverse

from cpms.common.web.panels import Panel
from cpms.common.web.tables import ExtraColumns, Table, extended

OF_PAGE = re.compile(r'<\w+[^>]* id="([\w-]+)"')
OF_UPDATE = re.compile(r'<\w+[^>]* id="([\w-]+)"[^>]* hx-swap-oob="true"')


def shown(panel, rf, **context):
    page = engines["django"].from_string("{% panel panel %}")
    return page.render(context | {"panel": panel}, rf.get("/?q=1")).strip()


@pytest.fixture
def template(settings, tmp_path):
    def make(text):
        (tmp_path / "panel.html").write_text(text)
        return "panel.html"

    settings.TEMPLATES = [one | {"DIRS": [*one["DIRS"], tmp_path]} for one in settings.TEMPLATES]
    return make


def test_a_panel_sees_its_own_context_and_nothing_of_the_page(template, rf):
    panel = Panel(template("{{ mine }}|{{ page }}|{{ request.GET.q }}"), {"mine": "a"})
    assert shown(panel, rf, page="b") == "a||1"


def test_a_panel_knows_whether_it_is_a_live_update(template, rf):
    panel = Panel(template("{% if is_live %}update{% else %}page{% endif %}"), {})
    assert [shown(panel, rf), shown(panel, rf, is_live=True)] == ["page", "update"]


def test_a_panel_escapes_what_it_shows(template, rf):
    assert shown(Panel(template("{{ text }}"), {"text": "<b>"}), rf) == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("page", "live"),
    [("chargers:station_detail", "chargers:station_live"), ("sessions:session_detail", "sessions:session_live")],
)
def test_every_panel_of_a_live_update_is_on_the_page_and_replaces_itself(client, operator, session, page, live):
    client.force_login(operator)
    key = [session.station_id if "station" in page else session.pk]
    update = client.get(reverse(live, args=key)).content.decode()
    found = OF_UPDATE.findall(update)
    assert len(found) >= 5
    assert set(found) <= set(OF_PAGE.findall(client.get(reverse(page, args=key)).content.decode()))


class Pairs(Table):
    one = tables.Column()
    two = tables.Column()


def test_extra_columns_stand_where_they_are_asked_for():
    first = ExtraColumns({"a": tables.Column(), "b": tables.Column()}, before="two")
    last = ExtraColumns({"do": tables.Column()})
    assert [column.name for column in extended(Pairs, [], extra=[first, last]).columns] == [
        "one", "a", "b", "two", "do",
    ]  # fmt: skip


def test_a_page_hides_columns_without_changing_the_table_of_other_pages():
    assert [column.name for column in extended(Pairs, [], hidden=["one"]).columns] == ["two"]
    assert [column.name for column in extended(Pairs, []).columns] == ["one", "two"]


def test_two_tables_never_share_a_column_of_an_extra_set():
    extra = ExtraColumns({"a": tables.Column()})
    first, second = (extended(Pairs, [], extra=[extra]).columns["a"].column for _n in range(2))
    assert first is not second
