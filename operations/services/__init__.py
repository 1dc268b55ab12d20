from operations.commands.services.asking import (
    ask_for_boot,
    request_command,
    request_raw_command,
    wait_for,
    why_no_start,
)
from operations.commands.services.settling import (
    confirm_availability,
    confirm_reset,
    link_started_session,
    link_stopped_session,
    settle_answer,
    settle_commands_of_link,
    settle_commands_of_node,
    settle_error,
    settle_overdue_commands,
    take_next_command,
)

__all__ = [
    "ask_for_boot",
    "confirm_availability",
    "confirm_reset",
    "link_started_session",
    "link_stopped_session",
    "request_command",
    "request_raw_command",
    "settle_answer",
    "settle_commands_of_link",
    "settle_commands_of_node",
    "settle_error",
    "settle_overdue_commands",
    "take_next_command",
    "wait_for",
    "why_no_start",
]
