"""What a converted study says of itself: where it comes from, what was changed, and why."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.systems.signals.convert.grid import SOURCE
from fairtrial.systems.signals.convert.parts import Parts

PROTOCOL = {
    "original": "evaluation.protocol: original, which is what it meant: mid-price fills without costs, thresholds that "
    "adapt to the whole sample, nothing held out. What it finds may be chance: --protocol honest converts the same "
    "axes, judged after costs and out of sample",
    "honest": "evaluation.protocol: honest in place of its own rules: thresholds chosen on training folds, entries a "
    "bin later, spread and fees, a final block on which nothing is chosen",
}
SHORT = {"original": "", "honest": " under other rules"}


def notes(parts: Parts, file: str) -> tuple[str, ...]:
    """Return the lines, the first two of which say what it is."""
    head = f"Converted from {file or 'a configuration'}: {parts.runs} runs of the older harness, {_counted(parts)}."
    changes = (*_protocol(parts), *_names(parts), *_combinations(parts), *_grid(parts), *_outside(parts))
    return (head, "What became of it, and why:", *(f"- {line}" for line in changes))


def _counted(parts: Parts) -> str:
    conditions = "1 condition" if parts.conditions == 1 else f"{parts.conditions} conditions"
    return f"{conditions} here{SHORT[parts.protocol]}"


def _protocol(parts: Parts) -> Iterator[str]:
    yield PROTOCOL[parts.protocol]
    tick = parts.config.eval.tick_size
    yield f"eval.tick_size = {tick:g} -> left out: a data set says its own in its manifest"
    yield "replicates -> 1: data sets do not change; another data set is another repetition"


def _names(parts: Parts) -> Iterator[str]:
    if parts.name != parts.config.name:
        yield f"name = {parts.config.name!r} -> study: {parts.name}: names have no blanks"
    for signal, found in parts.spaces.items():
        for axis in found.axes:
            was = axis.path.rpartition(".")[2]
            if was != axis.name:
                yield f"{axis.path} -> signal.parameters.{axis.name}: its name here, of {signal}"


def _combinations(parts: Parts) -> Iterator[str]:
    for signal, found in parts.spaces.items():
        if found.accepted < found.combinations:
            lost = found.combinations - found.accepted
            yield (
                f"exclude: {lost} of {found.combinations} combinations of {signal} are refused by the signal; their "
                "runs failed, and the harness said nothing"
            )
        if found.distinct < found.accepted:
            same = found.accepted - found.distinct
            yield f"{same} of {found.accepted} combinations of {signal} do what another one does: not run again"


def _grid(parts: Parts) -> Iterator[str]:
    variant = parts.config.grid_variant
    if variant is None:
        return
    yield f"grid_variant -> data.grid: null is the data set as it is, beside it {len(parts.variants)} of its variants"
    if len(parts.config.datasets) > 1:
        yield "grid_variant: of every data set here, where the harness made them of one recording"
    source = [f"{key} = {value}" for key in SOURCE if (value := getattr(variant, key))]
    if source:
        yield f"grid_variant: {', '.join(source)} -> left out: a variant is made of the messages kept with its data set"
    if variant.tau_rest_decay is not None:
        yield "grid_variant.tau_rest_decay -> data.grid.tau_mass_s: the harness took it and did nothing with it"


def _outside(parts: Parts) -> Iterator[str]:
    config = parts.config
    if config.tracking is None:
        yield "tracking -> left out: the harness mirrored to MLflow unasked; a study says tracking: {mlflow: {uri: …}}"
    elif config.tracking.backend == "mlflow" and config.tracking.tracking_uri is None:
        yield "tracking.tracking_uri is not said: the environment variable MLFLOW_TRACKING_URI has to"
    wandb = ("wandb_mirror", "wandb_project", "wandb_entity")
    if config.tracking is not None and (found := [key for key in wandb if getattr(config.tracking, key)]):
        yield f"tracking.{', '.join(found)} -> left out: runs are mirrored to MLflow alone"
    if config.online_sim is not None:
        lake = "" if parts.lake == "lake" else f" --lake {parts.lake}"
        yield "online_sim -> left out: `run` never read it; the streaming twins are timed by"
        for signal in config.online_sim.signals or parts.spaces:
            for dataset in config.datasets:
                yield f"  fairtrial signals online-sim --signal {signal} --dataset-id {dataset}{lake}"
