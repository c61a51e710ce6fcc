"""What a worker runs in place of a function: JSON parameters in, the function's result out. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairtrial.systems.function.home import Home

Arguments = Mapping[str, Any]


class Call:
    """A function as a Runner; `config` is what `Function.target` put there."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._home = Home(config["folder"], config["module"], config["file"])

    def run(self, parameters: Arguments, context: Any) -> Mapping[str, Any]:
        """Call the function with the parameters, and with seed and context where it takes them."""
        with self._home.entered():
            function = attribute(self._home.load(), self._config["attribute"])
            arguments = self._floats(parameters) if self._config["plain"] else _converted(function, parameters)
            result: Mapping[str, Any] = invoke(function, arguments, context, self._config["gives"])
            return result

    def _floats(self, parameters: Arguments) -> Arguments:
        values = dict(parameters)
        for name in self._config["floats"]:
            if type(values.get(name)) is int:
                values[name] = float(values[name])
        return values


def attribute(module: Any, dotted: str) -> Any:
    """Return the attribute at a dotted name. Raises AttributeError."""
    for name in dotted.split("."):
        module = getattr(module, name)
    return module


def invoke(function: Callable[..., Any], arguments: Arguments, context: Any, gives: Any) -> Any:
    """Call a function, async ones to completion; `gives` names which of 'seed' and 'context' it takes."""
    given = {name: context.seed if name == "seed" else context for name in gives}
    result = function(**arguments, **given)
    if hasattr(result, "__await__"):
        return _complete(result)
    return result


def _complete(awaitable: Any) -> Any:
    import asyncio

    async def whole() -> Any:
        return await awaitable

    return asyncio.run(whole())


def _converted(function: Callable[..., Any], parameters: Arguments) -> Arguments:
    """Turn JSON into what the annotations say (enums, dataclasses, paths, secrets)."""
    import json

    from fairtrial.systems.function.signature import arguments, read

    model = read(function).Parameters
    return arguments(model.model_validate_json(json.dumps(dict(parameters))))
