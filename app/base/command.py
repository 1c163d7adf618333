"""One command of the operators' command line, app/manage.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """`module` has `function`(argv) -> exit code; it is imported only when it is used. A command
    of the host that `knows_modules` needs what they know of each other's rows."""

    name: str
    module: str
    english: str
    chinese: str
    function: str = "run_command"
    knows_modules: bool = False
