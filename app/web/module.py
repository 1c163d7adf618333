"""A module as the host sees it: one value that says all that the module brings."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ahserver.serverenv import ServerEnv

from app.base.command import Command
from app.base.contributions import Contributions, NameTaken
from app.web.endpoint import Endpoint

Background = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """
    What one module brings.

    Scripts call `endpoints` as `<name>_<endpoint's name>`. `background` runs beside the requests in
    every worker, until its event is set. `contributions` are for the host and for modules below,
    each for whoever has a place for its type among what it `accepts`.
    """

    name: str
    endpoints: Mapping[str, Endpoint]
    commands: tuple[Command, ...] = ()
    background: tuple[Background, ...] = ()
    contributions: tuple[object, ...] = ()
    accepts: tuple[Contributions[Any], ...] = ()

    def offer(self, env: Any = None) -> "Module":
        """Offer the endpoints to the scripts of *env*, by default ahserver's; raises NameTaken."""
        register(ServerEnv() if env is None else env, self.endpoints, owner=self.name)
        return self


def register(env: Any, exports: Mapping[str, Any], *, owner: str) -> None:
    """
    Offer *exports* to all `.dspy` files as `<owner>_<name>`: all of them, or none.

    Raises NameTaken naming the clash. Registering the same functions again changes nothing.
    """
    functions = {f"{owner}_{name}": func for name, func in exports.items()}
    clashes = sorted(name for name, func in functions.items() if env.get(name) not in (None, func))
    if clashes:
        raise NameTaken(f"{owner} cannot register {', '.join(clashes)}: taken")
    for name, func in functions.items():
        env[name] = func


def connect(modules: Sequence[Module]) -> None:
    """
    Give each contribution to whoever accepts its type: all of them, or none.

    Raises NameTaken for a name that two have, LookupError for what nobody accepts.
    """
    offers = [(module.name, value) for module in modules for value in module.contributions]
    places = [place for module in modules for place in module.accepts]
    kinds = tuple(place.kind for place in places)
    for owner, value in offers:
        if not isinstance(value, kinds):
            raise LookupError(f"nobody accepts {type(value).__name__} of {owner}")
    values = [place.pick(offers) for place in places]
    for place, own in zip(places, values, strict=True):
        place.fill(own)
