from chargers.services.boot import record_boot
from chargers.services.links import (
    Heard,
    close_link,
    close_links_of_dead_nodes,
    node_ends,
    node_lives,
    note_heard,
    open_link,
    register_node,
)
from chargers.services.oddities import keep_oddity
from chargers.services.registration import (
    Added,
    NewStation,
    NewTag,
    add_station,
    add_stations,
    add_tag,
    add_tags,
    assign_station,
    check_identity,
    check_password,
    find_station,
)
from chargers.services.statuses import StatusReport, ensure_connectors, record_statuses
from chargers.services.tags import Verdict, authorize_tag, find_tag

__all__ = [
    "Added",
    "Heard",
    "NewStation",
    "NewTag",
    "StatusReport",
    "Verdict",
    "add_station",
    "add_stations",
    "add_tag",
    "add_tags",
    "assign_station",
    "authorize_tag",
    "check_identity",
    "check_password",
    "close_link",
    "close_links_of_dead_nodes",
    "ensure_connectors",
    "find_station",
    "find_tag",
    "keep_oddity",
    "node_ends",
    "node_lives",
    "note_heard",
    "open_link",
    "record_boot",
    "record_statuses",
    "register_node",
]
