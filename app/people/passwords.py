"""The rule for passwords: long enough, not one sign over and over, neither the name nor the old."""

from app.access.sage_setup import MIN_PASSWORD_LENGTH
from app.base.catalogue.people import (
    PASSWORD_AS_BEFORE,
    PASSWORD_OF_NAME,
    PASSWORD_TOO_SHORT,
    PASSWORD_TOO_SIMPLE,
)
from app.base.errors import FieldProblem
from app.base.refusals import InvalidFields
from app.schema.validation import FieldRule

# As Sage's column has room for when it is encoded.
PASSWORD = FieldRule(kind="text", required=True, length=100)
_MAX_SIMPLE = 3


def check_new_password(field: str, password: str, username: str, old: str | None = None) -> None:
    """Raise InvalidFields where *password* is none that *username* may have from now on."""
    problem: FieldProblem | None = None
    name, text = username.casefold(), password.casefold()
    if len(password) < MIN_PASSWORD_LENGTH:
        problem = PASSWORD_TOO_SHORT(field, least=MIN_PASSWORD_LENGTH)
    elif len(set(password)) <= _MAX_SIMPLE:
        problem = PASSWORD_TOO_SIMPLE(field, most=_MAX_SIMPLE)
    elif name and name in text and len(text) - len(name) < MIN_PASSWORD_LENGTH:
        problem = PASSWORD_OF_NAME(field)
    elif password == old:
        problem = PASSWORD_AS_BEFORE(field)
    if problem is not None:
        raise InvalidFields([problem])
