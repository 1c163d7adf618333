"""One command of the operators' command line, app/manage.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """`module` has `function`(argv) -> exit code; it is imported only when it is used."""

    name: str
    module: str
    english: str
    chinese: str
    function: str = "run_command"
