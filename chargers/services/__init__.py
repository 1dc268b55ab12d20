from chargers.anomalies.services import keep_oddity, keep_oversized
from chargers.credentials.services import (
    Kept,
    await_reboot,
    check_password,
    generate_password,
    hash_passwords,
    is_quick,
    log_in,
    note_strength,
    offer_password,
    password_facts,
    reveal_password,
    set_password,
    settle_password,
)
from chargers.onboarding.services.handover import hand_over_station
from chargers.onboarding.services.registration import (
    Assigned,
    NewStation,
    add_station,
    add_stations,
    assign_station,
    find_station,
)
from chargers.onboarding.services.resemblance import Resembling, find_resembling
from chargers.stations.services.batches import Added
from chargers.stations.services.boot import record_boot
from chargers.stations.services.configuration import note_configuration
from chargers.stations.services.identities import check_identity, is_usable_identity
from chargers.stations.services.links import (
    Heard,
    close_link,
    close_links_of_dead_nodes,
    node_ends,
    node_lives,
    note_heard,
    open_link,
    register_node,
)
from chargers.stations.services.statuses import StatusReport, ensure_connectors, record_statuses
from chargers.tags.services.adding import NewTag, add_tag, add_tags
from chargers.tags.services.authorization import Verdict, authorize_tag
from chargers.tags.services.card_search import is_card_search, note_unknown_card

__all__ = [
    "Added",
    "Assigned",
    "Heard",
    "Kept",
    "NewStation",
    "NewTag",
    "Resembling",
    "StatusReport",
    "Verdict",
    "add_station",
    "add_stations",
    "add_tag",
    "add_tags",
    "assign_station",
    "authorize_tag",
    "await_reboot",
    "check_identity",
    "check_password",
    "close_link",
    "close_links_of_dead_nodes",
    "ensure_connectors",
    "find_resembling",
    "find_station",
    "generate_password",
    "hand_over_station",
    "hash_passwords",
    "is_card_search",
    "is_quick",
    "is_usable_identity",
    "keep_oddity",
    "keep_oversized",
    "log_in",
    "node_ends",
    "node_lives",
    "note_configuration",
    "note_heard",
    "note_strength",
    "note_unknown_card",
    "offer_password",
    "open_link",
    "password_facts",
    "record_boot",
    "record_statuses",
    "register_node",
    "reveal_password",
    "set_password",
    "settle_password",
]
