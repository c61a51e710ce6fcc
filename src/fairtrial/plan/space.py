"""What a strategy chooses from: assignments become conditions and trials with identity, and plans."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from fairtrial.contract.strategy import Plan, Space
from fairtrial.contract.system import Shares, System
from fairtrial.errors import UnknownName
from fairtrial.model.identity import canonical_json, replicate_seed
from fairtrial.model.rule import Rule
from fairtrial.model.study import Study
from fairtrial.model.trial import Condition, Trial
from fairtrial.plan.arm import RESERVED, Arm
from fairtrial.plan.cells import Cells, Grid, Listed
from fairtrial.plan.doubles import contains, find_doubles, refuse_inert
from fairtrial.plan.lattice import Lattice, narrow, never
from fairtrial.plan.order import Declared, Grouped, Shuffled, Walk
from fairtrial.plan.picked import Picked, brought_together, in_order
from fairtrial.plan.resolve import Resolver
from fairtrial.plan.rules import conjuncts, constraint
from fairtrial.plan.walk import Planned

GROUPED = 1_000_000
"""Trials of one shared resource are brought together in plans up to this size."""


def open_space(
    study: Study,
    system: System,
    *,
    identity: bytes,
    inputs: bytes = b"",
    only: Rule | None = None,
    limit: int | None = None,
    absent: frozenset[str] = frozenset(),
) -> Space:
    """Open the space of a study.

    `identity` is the digest of the system's identity, `inputs` that of the study's own inputs. `only` keeps the trials
    for which it holds, `limit` the first trials of each plan. `absent` names factors with `before` whose parameter did
    not exist then: at that level their key is in no identity, whatever its default. Raises UnknownName where a rule
    names what is no factor, SpecError where factors depend on each other in a circle.
    """
    resolver = Resolver(system, inputs=inputs, file=study.file, absent=absent)
    return OpenSpace(study, resolver, identity=identity, only=only, limit=limit)


class OpenSpace:
    """The space of a study on a system."""

    def __init__(
        self, study: Study, resolver: Resolver, *, identity: bytes, only: Rule | None, limit: int | None
    ) -> None:
        self.study = study
        self._resolver, self._identity, self._only, self._limit = resolver, identity, only, limit
        self._arms = {variant.name: Arm(study, variant) for variant in study.variants}
        self._check_names()

    def condition(self, variant: str, assignment: Mapping[str, Any]) -> Condition:
        """Resolve an assignment of all active factors. Raises SpecError where the system refuses the parameters."""
        return self._resolved(variant, assignment)[0]

    def trial(self, condition: Condition, replicate: int, position: int = 0) -> Trial:
        """Make replicate k of a condition."""
        seed = replicate_seed(self.study.seed, replicate)
        return Trial(condition, replicate, seed, self._identity, self._inputs(condition), position)

    def fixed(self, conditions: Sequence[Condition]) -> Plan:
        """Make a plan of every replicate of the conditions, in the study's order; doubles are dropped.

        Of the rules that exclude, only those that read the replicate are asked here: which conditions to choose is the
        strategy's business.
        """
        exclude = [rule for rule in self.study.exclude if "replicate" in rule.names]
        resolved = [(condition, self._inputs(condition)) for condition in conditions]
        listed = Listed(resolved, keep=conjuncts(self._only), exclude=exclude)
        note = f"{listed.doubles} conditions have the parameters of an earlier one and are dropped"
        return self._plan(Cells([listed]), [note] if listed.doubles else [])

    def listed(self, trials: Sequence[Trial]) -> Plan:
        """Make a plan of just these trials: in their order, or shuffled within each replicate as the study says.

        Trials of one shared resource are brought together; `only` and `limit` narrow it as any plan.
        """
        rules = conjuncts(self._only)
        kept = [trial for trial in trials if all(rule.holds(_values(trial)) for rule in rules)]
        ordered = in_order(kept, self.study)[: self._limit]
        system, resolver = self._resolver.system, self._resolver
        if not isinstance(system, Shares) or system.share_scope != "condition":
            return Picked(ordered)

        def key(trial: Trial) -> Hashable:
            return canonical_json(system.share_key(resolver.parse(trial.condition.parameters)))

        return Picked(brought_together(ordered, key, over_all=self.study.order.randomise == "full"))

    def grid(self) -> Plan:
        """Make a plan of every combination of the levels, and of the included conditions, lazily.

        Raises SpecError for a factor without levels, and for a level or a variant that changes nothing.
        """
        grids = [grid for arm in self._arms.values() if (grid := self._grid(arm)) is not None]
        for grid in grids:
            refuse_inert(grid)
        doubles = find_doubles(grids, self.study.replicates)
        included = self._included(grids, doubles.identities)
        cells = Cells([*grids, included], dropped=doubles.dropped)
        return self._plan(cells, [doubles.note], exclude=self.study.exclude)

    def _grid(self, arm: Arm) -> Grid | None:
        """Return the part of a variant; None where `only` leaves it no level of some factor."""
        levels, rest = narrow(arm, self._only)
        if not all(levels) or any(never(arm, part) for part in rest):
            return None
        lattice = Lattice(arm, levels)
        lattice.constrain(*(constraint(arm, levels, rule, keep=False) for rule in self.study.exclude))
        lattice.constrain(*(constraint(arm, levels, rule, keep=True) for rule in rest))
        return Grid(lattice, self._resolver)

    def _included(self, grids: Sequence[Grid], known: frozenset[bytes]) -> Listed:
        """Return the included conditions that the grids do not have."""
        new = []
        for include in self.study.include:
            condition, inputs = self._resolved(include.variant, include.assignment)
            made = condition.digest + inputs
            identity = self._resolver.identity(self._arms[include.variant], include.assignment)
            plain = [grid for grid in grids if not grid.costly]
            if made in known or any(contains(grid, identity, made, self.study.replicates) for grid in plain):
                continue
            new.append((condition, inputs))
        return Listed(new, keep=conjuncts(self._only))

    def _plan(self, cells: Cells, notes: Sequence[str], exclude: Sequence[Rule] = ()) -> Plan:
        study = self.study
        over_all = study.order.randomise == "full"
        walk: Walk = Declared(cells, study.replicates)
        if study.order.randomise != "none":
            walk = Shuffled(cells, study.replicates, seed=study.seed, over_all=over_all)
        walk, note = self._grouped(cells, walk, over_all=over_all)
        return Planned(
            cells,
            walk,
            system=self._identity,
            seed=study.seed,
            replicates=study.replicates,
            limit=self._limit,
            exclude=exclude,
            notes=[*notes, note],
            conditions_first=not over_all,
        )

    def _grouped(self, cells: Cells, walk: Walk, *, over_all: bool) -> tuple[Walk, str]:
        """Bring together the trials that share what is set up for a condition."""
        system, resolver = self._resolver.system, self._resolver
        if not isinstance(system, Shares) or system.share_scope != "condition":
            return walk, ""
        if cells.size * self.study.replicates > GROUPED:
            return walk, "too many trials to bring those together that share a resource"

        def key(cell: int) -> Hashable:
            return canonical_json(system.share_key(resolver.parse(cells.condition(cell)[0].parameters)))

        return Grouped(walk, key, over_all=over_all), ""

    def _resolved(self, variant: str, assignment: Mapping[str, Any]) -> tuple[Condition, bytes]:
        if variant not in self._arms:
            raise UnknownName("variant", variant, self._arms)
        arm = self._arms[variant]
        arm.check(assignment)
        return self._resolver.condition(arm, assignment)

    def _inputs(self, condition: Condition) -> bytes:
        resolver = self._resolver
        return resolver.inputs(resolver.parse(condition.parameters) if resolver.reads_inputs else None)

    def _check_names(self) -> None:
        known = {path for arm in self._arms.values() for path in arm.index}
        whens = [factor.when for arm in self._arms.values() for factor in arm.factors if factor.when]
        for rule in (*self.study.exclude, *whens, *conjuncts(self._only)):
            for name in rule.names - known - set(RESERVED):
                raise UnknownName("factor", name, known | set(RESERVED))


def _values(trial: Trial) -> dict[str, Any]:
    """Return what rules know of a trial."""
    return {"variant": trial.condition.variant, "replicate": trial.replicate, **trial.condition.assignment}
