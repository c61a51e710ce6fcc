"""Settings -> resolved parameters by the system's own model, and what of them enters identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.contract.system import ReadsInputs, System
from fairtrial.errors import SpecError, nearest
from fairtrial.model.identity import canonical_json, digest, digest_bytes
from fairtrial.model.secret import is_reference
from fairtrial.model.trial import Condition
from fairtrial.plan.arm import Arm

_PLAIN = frozenset({str, int, float, bool, type(None)})


class Resolver:
    """Resolves settings (nested JSON) through `system.Parameters`: types coerced, defaults filled."""

    def __init__(
        self, system: System, *, inputs: bytes = b"", file: str = "", absent: frozenset[str] = frozenset()
    ) -> None:
        self.system = system
        self.reads_inputs = isinstance(system, ReadsInputs)
        self._inputs = inputs
        self._file = file
        self._absent = absent

    def parse(self, settings: Mapping[str, Any]) -> Any:
        """Make an instance of the system's parameters. Raises SpecError where the system refuses them."""
        from pydantic import ValidationError

        try:
            return self.system.Parameters.model_validate(dict(settings))
        except ValidationError as problem:
            raise self._refusal(problem) from None

    def condition(self, arm: Arm, assignment: Mapping[str, Any]) -> tuple[Condition, bytes]:
        """Resolve an assignment of an arm's active factors: the condition, and the digest of its inputs.

        Raises SpecError where the system refuses it, or what it resolves to is not JSON.
        """
        instance = self.parse(arm.settings(assignment))
        parameters = instance.model_dump(mode="json")
        gone = arm.gone(assignment)
        identity = self._before(arm, assignment, gone, parameters) if gone else parameters
        try:
            made = digest(redact(identity))
        except (TypeError, ValueError) as problem:
            raise arm.error(f"the parameters of {dict(assignment)} are not JSON: {problem}") from None
        return Condition(arm.name, dict(assignment), parameters, made), self.inputs(instance)

    def settled(self, arm: Arm, values: Mapping[str, Any]) -> Any:
        """Return what enters identity where every value is taken as set, whatever held before: nested JSON."""
        return redact(self.parse(arm.settings(values)).model_dump(mode="json"))

    def identity(self, arm: Arm, assignment: Mapping[str, Any]) -> Any:
        """Return what of an assignment enters identity, as nested JSON. Raises SpecError as `condition` does."""
        parameters = self.parse(arm.settings(assignment)).model_dump(mode="json")
        gone = arm.gone(assignment)
        return redact(self._before(arm, assignment, gone, parameters) if gone else parameters)

    def inputs(self, instance: Any) -> bytes:
        """Digest the inputs: the study's, and those that the parameters point at."""
        if not self.reads_inputs:
            return self._inputs
        assert isinstance(self.system, ReadsInputs)
        read = self.system.input_digests(instance)
        return digest_bytes(self._inputs + canonical_json(read)) if read else self._inputs

    def _before(self, arm: Arm, assignment: Mapping[str, Any], gone: Sequence[str], parameters: Any) -> Any:
        """Return the parameters as they were before the factors of the paths that are gone existed."""
        made = self._unset(arm, assignment, gone)
        new = self._absent.intersection(gone)
        if made is None:
            # Where the system cannot do without a path, the parameter itself is new: before, there was no such key.
            required = {path for path in gone if self._unset(arm, assignment, [path]) is None} or set(gone)
            rest = self._unset(arm, assignment, [path for path in gone if path not in required])
            made, new = parameters if rest is None else rest, new | required
        for path in new:
            made = _without(made, path.split("."))
        return made

    def _unset(self, arm: Arm, assignment: Mapping[str, Any], gone: Sequence[str]) -> Any:
        """Return the parameters where some factors are not set; None where the system refuses that."""
        left = {path: value for path, value in assignment.items() if path not in gone}
        try:
            return self.parse(arm.settings(left)).model_dump(mode="json")
        except SpecError:
            return None

    def _refusal(self, problem: Any) -> SpecError:
        errors = problem.errors(include_url=False, include_context=False, include_input=False)
        first = errors[0]
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        hint = ""
        if first["type"] == "extra_forbidden":
            hint = nearest(str(first["loc"][-1]), getattr(self.system.Parameters, "model_fields", {}))
        message = f"{self.system.name} refuses the parameters: {first['msg']}{more}"
        return SpecError(message, file=self._file, path=where, hint=hint)


def redact(value: Any) -> Any:
    """Return the JSON value with every secret's reference replaced by null."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return None if is_reference(value) else {key: redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _without(tree: Any, keys: Sequence[str]) -> Any:
    """Return a copy of nested JSON without a path; unchanged where there is none."""
    key, rest = keys[0], keys[1:]
    if isinstance(tree, list) and rest and key.isdigit() and int(key) < len(tree):
        return [_without(item, rest) if i == int(key) else item for i, item in enumerate(tree)]
    if not isinstance(tree, Mapping) or key not in tree:
        return tree
    copy = dict(tree)
    if rest:
        copy[key] = _without(tree[key], rest)
    else:
        del copy[key]
    return copy
