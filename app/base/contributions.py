"""
What modules say to one below them, which may not import them.

The lower one types what it wants to know and keeps a place for it; those above give values of that
type with their Module; the host brings both together when it loads the modules (app/modules.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class NameTaken(Exception):
    """A module has something of a name that the host or another module has."""


class Contributions(Generic[T]):
    """
    A place for values of type *kind* by what *name* says of them, in the order of the modules.

    Without *name* each module may contribute one.
    """

    def __init__(self, kind: type[T], name: Callable[[T], str] | None = None) -> None:
        self.kind = kind
        self.name = name
        self._values: dict[str, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(self._values.values())

    def get(self, name: str) -> T | None:
        """Return the value of *name*, or None."""
        return self._values.get(name)

    def pick(self, offers: Iterable[tuple[str, Any]]) -> dict[str, T]:
        """Return those of *offers*, pairs of an owner and a value, that belong here, by name."""
        own = [(owner, value) for owner, value in offers if isinstance(value, self.kind)]
        name = self.name
        return by_name((owner, owner if name is None else name(value), value)
                       for owner, value in own)  # fmt: skip

    def fill(self, values: Mapping[str, T]) -> None:
        """Hold *values*, as `pick` gives them, and nothing from before."""
        self._values = dict(values)


def by_name(offers: Iterable[tuple[str, str, T]]) -> dict[str, T]:
    """Return the values of *offers* (owner, name, value); raises NameTaken for a second name."""
    values: dict[str, T] = {}
    owners: dict[str, str] = {}
    for owner, name, value in offers:
        if name in values:
            raise NameTaken(f"{owner} and {owners[name]} both have {type(value).__name__} {name}")
        values[name], owners[name] = value, owner
    return values
