class _C:
    protocol = "1.6"


COMMANDS_V16 = _C()
