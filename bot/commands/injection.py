"""Give each handler the services that it declares as parameters, by type, at start-up."""

from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from functools import partial
from inspect import Parameter, signature
from typing import Concatenate, TypeVar, cast, get_type_hints

_Request = TypeVar("_Request")
_Result = TypeVar("_Result")
_Part = TypeVar("_Part")


class Injector:
    """Services by type. A dataclass that is none of them is made from the services it declares."""

    def __init__(self, *services: object) -> None:
        self._services = [self, *services]
        self._bound: dict[object, object] = {}

    def add(self, service: object) -> None:
        """Add a service, before the first handler that declares it is bound."""
        self._services.append(service)

    def get(self, kind: type[_Part]) -> _Part:
        """Return the one service of a type.

        Raises:
            TypeError: There is none, or several, and the type is no dataclass.
        """
        found = [service for service in self._services if isinstance(service, kind)]
        if len(found) == 1:
            return found[0]
        if found or not is_dataclass(kind):
            raise TypeError(f"{len(found)} services are a {kind}")
        hints = get_type_hints(kind)
        made = cast("_Part", kind(**{one.name: self.get(hints[one.name]) for one in fields(kind)}))
        self.add(made)
        return made

    def bind(
        self, handler: Callable[Concatenate[_Request, ...], Awaitable[_Result]]
    ) -> Callable[[_Request], Awaitable[_Result]]:
        """Fill in everything but the request.

        Raises:
            TypeError: The handler declares something that isn't there.
        """
        if handler in self._bound:
            return cast("Callable[[_Request], Awaitable[_Result]]", self._bound[handler])
        _, *declared = signature(handler, eval_str=True).parameters.values()
        services = {
            parameter.name: self.get(parameter.annotation)
            for parameter in declared
            if parameter.default is Parameter.empty
        }
        bound = self._bound[handler] = partial(handler, **services)
        return bound
