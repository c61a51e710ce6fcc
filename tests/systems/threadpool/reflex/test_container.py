"""The model file: what goes in comes out; what was damaged, cut, made for something else or made up is refused."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from fairtrial.errors import FairtrialError, UserError
from fairtrial.systems.threadpool.parameters import LEARNT
from fairtrial.systems.threadpool.reflex import container
from fairtrial.systems.threadpool.reflex.container import dump, load
from fairtrial.systems.threadpool.reflex.learn import fit


@pytest.fixture(scope="module")
def models(planted):
    """A model of each kind."""
    return {kind: replace(fit(kind, planted(120), seed=0), made={"run": "7", "study": "é"}) for kind in LEARNT}


def sealed(data: bytes) -> bytes:
    """Give changed bytes a length and a CRC that fit."""
    data = data[:6] + struct.pack("<I", len(data)) + data[10:]
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


@pytest.mark.parametrize("kind", LEARNT)
def test_what_is_loaded_is_what_was_kept(models, planted, kind):
    """Every array, word and digest survives, and so does every cost."""
    model = models[kind]
    found = load(dump(model))
    assert (found.kind, found.trained, found.made, found.sizes) == (kind, model.trained, model.made, model.sizes)
    for mine, theirs in zip(found.arrays, model.arrays, strict=True):
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)
    features = planted(50, seed=2).features
    assert np.array_equal(found.costs(features), model.costs(features))
    assert np.array_equal(found.inside(features), model.inside(features))


@pytest.mark.parametrize("kind", LEARNT)
def test_the_same_training_gives_the_same_bytes(planted, kind):
    """Same rows and seed, same file; other rows, another digest."""
    labelled = planted(80)
    assert dump(fit(kind, labelled, seed=3)) == dump(fit(kind, labelled, seed=3))
    assert fit(kind, labelled, seed=3).trained != fit(kind, planted(80, seed=1), seed=3).trained


def test_every_flipped_byte_is_refused(models):
    """Each byte of a tree's file, changed in one bit, in all bits, or by one: all are refused in one line."""
    data = dump(models["tree"])
    for at in range(len(data)):
        for change in (1, 128, 255):
            flipped = bytearray(data)
            flipped[at] ^= change
            with pytest.raises(UserError) as caught:
                load(bytes(flipped))
            assert "\n" not in str(caught.value)


def test_every_truncation_and_appendix_is_refused(models):
    """A file cut anywhere, or with something behind it, is refused."""
    data = dump(models["tree"])
    for size in range(len(data)):
        with pytest.raises(UserError, match=r"truncated|not a model file"):
            load(data[:size])
    with pytest.raises(UserError, match=f"damaged: {len(data) + 1} bytes instead of {len(data)}"):
        load(data + b"\0")


def test_a_foreign_file_a_newer_format_and_another_schema_are_named(models, monkeypatch):
    """The line says what the file is and what would be right."""
    data = dump(models["tree"])
    with pytest.raises(UserError, match=r"begins with b'\\x89PNG'.*with b'FTRX'"):
        load(b"\x89PNG" + bytes(200))
    with pytest.raises(UserError, match=r"format 2, and this version reads 1 \(train it again"):
        load(sealed(data[:4] + b"\x02" + data[5:]))
    monkeypatch.setattr(container.schema, "digest", lambda: "00" * 8)
    with pytest.raises(UserError, match=r"made for telemetry [0-9a-f]{16}, and this is 0{16}"):
        load(data)


@pytest.mark.parametrize("kind", LEARNT)
def test_a_file_made_up_cannot_lead_astray(models, kind):
    """With a CRC that fits, changed bytes give a sound model or a refusal, never an error of another kind."""
    data = dump(models[kind])
    rng = np.random.default_rng(0)
    features = np.ones((3, 10))
    refused = 0
    for _ in range(400):
        made = bytearray(data)
        for at in rng.integers(10, len(data) - 4, rng.integers(1, 4)):
            made[at] = rng.integers(256)
        try:
            load(sealed(bytes(made))).decide(features)
        except UserError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    "change",
    [
        {"left": [0]}, {"right": [5]}, {"left": [-9]}, {"root": [1]}, {"root": [-5]}, {"feature": [12]},
        {"output": [1]}, {"scale": [0.0] * 12}, {"sizes": [8, 8]}, {"sizes": [0, 8]}, {"threshold": [np.nan]},
    ],
)  # fmt: skip
def test_an_unsound_model_is_refused(models, change):
    """A child above its parent or beyond the end, an input that is none, no scale, sizes out of order: refused."""
    small = models["tree"].arrays._replace(
        sizes=np.array([1, 8]), feature=np.array([0]), threshold=np.array([0.5]), left=np.array([-1]),
        right=np.array([-2]), value=np.ones((2, 2)), outer=np.ones((0, 2)), base=np.zeros(2),
    )  # fmt: skip
    load(dump(replace(models["tree"], arrays=small)))
    ((name, values),) = change.items()
    wrong = small._replace(**{name: np.array(values, dtype=getattr(small, name).dtype)})
    with pytest.raises(UserError, match="no sound model"):
        load(dump_anyway(replace(models["tree"], arrays=wrong)))


def dump_anyway(model):
    """Keep NaN too, which compares unequal to itself."""
    filled = model.arrays._replace(threshold=np.nan_to_num(model.arrays.threshold, nan=1.5))
    data = dump(replace(model, arrays=filled))
    if np.isnan(model.arrays.threshold).any():
        data = sealed(data.replace(struct.pack("<f", 1.5), struct.pack("<f", np.nan)))
    return data


def test_a_number_that_does_not_fit_is_a_bug_of_ours(models):
    """What single precision would change is not kept silently."""
    model = models["tree"]
    wrong = model.arrays._replace(base=model.arrays.base + 0.1)
    with pytest.raises(FairtrialError, match="base of the model does not fit"):
        dump(replace(model, arrays=wrong))


def test_a_tree_is_within_a_kilobyte(planted):
    """The largest tree that is grown, with words, takes at most 1,024 bytes."""
    model = replace(fit("tree", planted(600, noise=0.001), seed=0), made={"run": "12", "study": "threadpool-train"})
    leaves = 16
    grown = model.arrays._replace(
        feature=np.zeros(leaves - 1, dtype=np.int64), threshold=np.zeros(leaves - 1),
        left=np.full(leaves - 1, -1), right=np.append(np.arange(1, leaves - 1), -2), value=np.zeros((leaves, 7)),
    )  # fmt: skip
    assert len(model.arrays.value) <= leaves
    assert len(dump(replace(model, arrays=grown))) <= 1024
