"""From a recipe to a study, with what was changed and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from fairtrial.errors import UserError
from fairtrial.model.foreign import Converted, Foreign
from fairtrial.model.identity import is_number
from fairtrial.systems.services.convert import reasons
from fairtrial.systems.services.convert.draft import Change, Draft
from fairtrial.systems.services.convert.recipe import SLURM, Recipe, read
from fairtrial.systems.services.convert.targets import TARGETS

LANGUAGE = ("vllm", "ollama")
COUNTS = ("num_inserts", "num_selects", "num_requests", "num_objects", "transactions")
"""Settings that said how many requests a client sends."""
DURATION_S, WARMUP_S = 10, 2
SMOKE = ("_smoke", "_healthcheck")


def convert(given: Foreign, *, clients: Sequence[int] = ()) -> Converted:
    """Return the study that a recipe becomes, with what was changed and why.

    `clients` are the levels to sweep; without them there is the one number of the recipe. The same recipe gives the
    same study. Raises SpecError for what is no recipe (file, line, nearest valid name), UserError for a bad level.
    """
    recipe = read(given)
    document, changes = study(recipe, clients=clients)
    notes = (
        f"Converted from {PurePath(given.file).name or 'a recipe'} (its hash: {recipe.digest[:16]}).",
        "What became of it, and why:",
        *(f"- {change}" for change in changes),
    )
    return Converted(document, notes)


def study(recipe: Recipe, *, clients: Sequence[int] = ()) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """Return the study as a document, and what became of every key of the recipe. Raises UserError for a bad level."""
    draft = Draft(recipe)
    TARGETS[recipe.service](draft)
    _load(draft, clients)
    if recipe.client.endswith(SMOKE):
        _smoke(draft)
    _place(draft)
    draft.changes += [*_left_out(draft), *(Change(*words) for words in reasons.ALWAYS)]
    return _document(draft), tuple(draft.changes)


def _load(draft: Draft, clients: Sequence[int]) -> None:
    """Make jobs clients, pauses warm-up, and counts a window."""
    levels = list(dict.fromkeys(clients)) or [_whole(draft)]
    if min(levels) < 1:
        raise UserError(f"{min(levels)} clients: a load has at least one", hint="--clients 1,2,4")
    why = "each was a batch job that started when it could; all are connected before they start at one instant"
    for key in ("benchmarks.num_clients", "client.settings.clients"):
        draft.say(key, f"load.clients: {', '.join(map(str, levels))}", why)
    draft.load |= {"mode": "closed", "duration_s": draft.find("client.settings.duration", DURATION_S)}
    draft.say("client.settings.duration", "load.duration_s", "the window, after the warm-up")
    why = "so many requests end when the slowest client does; a window is as long for all"
    for name in COUNTS:
        draft.say(f"client.settings.{name}", f"load.duration_s: {draft.load['duration_s']}", why)
    if len(levels) > 1:
        draft.factors["load.clients"] = levels
    else:
        draft.load["clients"] = levels[0]
    _warm(draft)


def _whole(draft: Draft) -> int:
    number = draft.find("benchmarks.num_clients", draft.find("client.settings.clients", 1))
    if not isinstance(number, int) or isinstance(number, bool):
        raise UserError(f"benchmarks.num_clients: {number!r} is no number of clients", hint="--clients 1,2,4")
    return number


def _warm(draft: Draft) -> None:
    """Make the pauses before the first request load that is not counted."""
    keys = ("service.settings.warmup", "client.settings.warmup")
    found = [value for key in keys if (value := draft.find(key)) is not None]
    for value in found:
        if not is_number(value) or value < 0:
            raise UserError(f"the recipe's warm-up is {value!r}, which is no time in seconds", hint="warmup: 5")
    draft.load["warmup_s"] = max(found, default=WARMUP_S)
    why = "a pause warms nothing up; the load itself does, for so long at least, and none of it is counted"
    for key in keys:
        draft.say(key, f"load.warmup_s: {draft.load['warmup_s']}", why)


def _smoke(draft: Draft) -> None:
    """Make a check of health a short study with the level of service that it checked."""
    draft.load |= {"duration_s": 2, "warmup_s": 1}
    draft.more["slo"] = {"success_rate": {"min": 1}}
    why = "an exit status said nothing of the answer; every answer of a short load must be right"
    draft.say("client.type", "slo.success_rate: 1", why)


def _place(draft: Draft) -> None:
    """Take over what the jobs asked for as far as it concerns one machine."""
    if draft.recipe.service in LANGUAGE and (gpus := draft.find("service.num_gpus")):
        draft.more["needs"] = {"gpus": gpus}
        draft.say("service.num_gpus", "needs.gpus", "the same")
    if limit := draft.find("service.time_limit"):
        draft.more["stop"] = {"wall": _duration(str(limit))}
        why = "the run ends then, and the same command continues it"
        draft.say("service.time_limit", f"stop.wall: {draft.more['stop']['wall']}", why)


def _duration(limit: str) -> str:
    """Write a batch system's [DAYS-]HH:MM:SS in seconds."""
    days, _, clock = limit.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in (*parts, *filter(None, [days]))):
        raise UserError(f"service.time_limit: {limit!r} is no time", hint="HH:MM:SS")
    seconds = sum(int(part) * 60**power for power, part in enumerate(reversed(parts)))
    return f"{seconds + 86_400 * int(days or 0)}s"


def _left_out(draft: Draft) -> Iterator[Change]:
    """Say of every other key why nothing was made of it, keys with the same reason together."""
    grouped: dict[str, list[str]] = {}
    for path in draft.recipe.paths():
        if path not in draft.told and path not in ("service.type", "client.type"):
            why = reasons.SLURM if path.rpartition(".")[2] in SLURM else reasons.WHY[path]
            grouped.setdefault(why, []).append(draft.quoted(path))
    yield from (Change(", ".join(keys), "", why) for why, keys in grouped.items())


def _document(draft: Draft) -> dict[str, Any]:
    """Join the words of the study, in the order in which people write them."""
    service, swept = draft.recipe.service, "load.clients" in draft.factors
    limit = 1 if service in LANGUAGE else 0.1
    document: dict[str, Any] = {
        "study": draft.recipe.client.replace("_", "-"),
        "question": _question(service, limit, None if swept else draft.load["clients"]),
        "system": "services",
        "base": {"target": draft.target, "load": draft.load},
        "factors": draft.factors,
        "replicates": 3,
        "order": {"randomise": "blocked"},
        "timing": True,
        "metrics": {"throughput_per_s": "maximize", "latency_p99_s": "minimize", "success_rate": "maximize"},
        "slo": {"latency_p99_s": {"max": limit}, "success_rate": {"min": 0.99}},
        "gate": {
            "throughput_per_s": {"worse_by": "10%"},
            "latency_p99_s": {"worse_by": "10%"},
            "success_rate": {"worse_by": "1%"},
        },
        **draft.more,
    }
    return {name: value for name, value in document.items() if value != {}}


def _question(service: str, limit: float, clients: int | None) -> str:
    if clients is not None:
        return f"Does {service} keep p99 within {limit} s at load.clients = {clients}?"
    return f"Up to how many clients does {service} keep p99 within {limit} s, and where does throughput stop growing?"
