"""The three ways in: a file, a document, a command."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, create_model

from fairtrial.contract.registry import Registry
from fairtrial.errors import MissingPart, SpecError, UserError
from fairtrial.model.secret import Secret
from fairtrial.model.study import Direction, Metric
from fairtrial.spec.reader import read_command, read_document, read_file

FULL = """\
study: saturation
question: Up to how many clients?
system: service
base: {duration_s: 10, target: &t {kind: postgres}}
factors:
  load.clients: [1, 2, 4, 8, 16]
  load.rate: {logspace: [1e-1, 10], n: 3, when: "load.clients > 2"}
variants:
  tuned: {set: {target.settings.shared_buffers: 512MB}, factors: {target.settings.work_mem: [4MB, 64MB]}}
  default: {baseline: true}
exclude: ["load.clients > 8 and target.settings.work_mem == '64MB'"]
include: [{load.clients: 32, variant: default}]
replicates: 5
metrics: {throughput_per_s: maximize, latency_p99_s: minimize}
timing: true
order: {randomise: blocked, warmup: 1}
limits: {wall: 2m, memory: 2GiB, retries: {infra: 3, crash: 1, timeout: 0, oom: 0}}
stop: {wall: 8h, trials: 500, failures: 10%}
parallel: {jobs: 1, engine: local, workers: isolated}
code: source
tags: [pg, nightly]
"""


def test_a_file_and_its_document_give_equal_studies(read, registry, file):
    """The document is the whole study as JSON: base inside, levels written out; it reads back to an equal study."""
    study = read(FULL, "load.clients=1,2,4", "limits.wall=3m")
    document = json.loads(json.dumps(study.document))
    again = read_document(document, registry=registry, folder=file.parent).study
    assert again == study
    assert again.document == study.document
    assert document["factors"]["load.clients"] == [1, 2, 4]
    assert document["factors"]["load.rate"] == {"levels": [0.1, 1.0, 10.0], "when": "load.clients > 2"}
    assert document["limits"]["wall"] == "3m"


def test_places_are_kept_for_errors_found_later(read, file):
    """The study knows its file, and the line of every part that was written there."""
    study = read(FULL, "replicates=2")
    assert study.file == str(file)
    assert study.lines["factors.load.rate.logspace"] == 7
    assert study.lines["variants.tuned.factors.target.settings.work_mem.1"] == 9
    assert "replicates" not in study.lines


def test_the_base_comes_from_a_file_beside_the_study(read, refusal, tmp_path):
    """YAML or JSON, relative to the study; errors in it name that file and its line."""
    (tmp_path / "base.yaml").write_text("duration_s: 2\nload:\n  clients: 3\n")
    text = "study: s\nsystem: service\nbase: base.yaml\n"
    study = read(text)
    assert study.base == study.document["base"] == {"duration_s": 2, "load": {"clients": 3}}
    (tmp_path / "base.yaml").write_text("duration_s: 2\nload:\n  cleints: 3\n")
    said = refusal(text)
    assert said.startswith(f"{tmp_path / 'base.yaml'}:3: base.load.cleints: unknown parameter")
    assert "did you mean 'base.yaml'?" in refusal(text.replace("base.yaml", "bse.yaml"))
    (tmp_path / "base.yaml").write_text("- 1\n")
    assert "base: base.yaml holds no mapping" in refusal(text)


def test_the_base_starts_from_a_winner(read, refusal):
    """`{winner: RUN}` asks for the parameters of that run's best condition, and keeps them in the document."""
    text = "study: s\nsystem: service\nbase: {winner: 12}\n"
    study = read(text, winner=lambda run: {"duration_s": float(run)})
    assert study.base == study.document["base"] == {"duration_s": 12.0}
    assert "there is no book here" in refusal(text)
    assert "names a run by its number, not 'x'" in refusal(text.replace("12", "x"))


def test_a_file_that_cannot_be_read(registry, tmp_path):
    """Missing, binary and empty files are the user's mistakes."""
    (tmp_path / "study.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"no such file \(did you mean 'study.yaml'\?\)"):
        read_file(tmp_path / "studdy.yaml", registry=registry)
    with pytest.raises(SpecError, match=r"study.yaml: cannot be read: it is no UTF-8 text \(byte 0\)"):
        read_file(tmp_path / "study.yaml", registry=registry)
    with pytest.raises(SpecError, match="there is no folder"):
        read_file(tmp_path / "none" / "study.yaml", registry=registry)
    with pytest.raises(SpecError, match=r"cannot be read: Is a directory$"):
        read_file(tmp_path, registry=registry)


def test_documents_may_hold_python_values(document):
    """Tuples, generators, arrays and secrets become JSON; the rest is refused with its path."""
    numpy = pytest.importorskip("numpy")
    study = document(
        base={"duration_s": numpy.float64(2.5), "target": {"password": Secret({"secret": "DB"})}},
        factors={"load.clients": numpy.array([1, 2]), "load.rate": (1.5, 2.5), "duration_s": range(1, 3)},
    )
    assert study.base == {"duration_s": 2.5, "target": {"password": {"secret": "DB"}}}
    assert [factor.levels for factor in study.factors] == [((1,), (2,)), ((1.5,), (2.5,)), ((1,), (2,))]
    for value, says in ((object(), "a object is no JSON value"), (math.nan, "NaN"), ({1: 2}, "key 1 is not a word")):
        with pytest.raises(SpecError, match=f"base.target.settings: .*{says}"):
            document(base={"duration_s": 1, "target": {"settings": value}})


class _Bound:
    """A system whose parameters are what the study names, as a command's are."""

    version = "1"
    metrics: Mapping[str, Metric] = {}

    def __init__(self, value, folder, options):
        self.name, self.value, self.folder, self.options = "bound", value, folder, options
        if value == "broken":
            raise UserError("the program is broken", hint="mend it")
        names = {path.partition(".")[0] for path in (*options["parameters"], *options["factors"])}
        config = ConfigDict(extra="forbid")
        fields = dict.fromkeys(names, (object, None))
        self.Parameters: type[BaseModel] = create_model("Bound", __config__=config, **fields)

    def run(self, parameters, context):
        raise NotImplementedError


@pytest.fixture
def bound() -> Registry:
    return Registry(extra={"shorthand": {"bound": _Bound, "command": _Bound}})


def test_a_shorthand_is_told_what_the_study_says(bound, tmp_path):
    """The shorthand's value, its folder, and the study's words about code and parameters. Options go beside it."""
    given = {
        "study": "s",
        "system": {"bound": "x"},
        "base": {"a": 1},
        "factors": {"b.c": [1, 2]},
        "variants": {"v": {"set": {"d": 1}, "factors": {"e": [1]}}},
        "code": {"files": ["f.py"]},
        "live": True,
    }
    made = read_document(given, registry=bound, folder=tmp_path)
    assert (made.system.value, made.system.folder) == ("x", tmp_path)
    assert made.system.options == {
        "code": "files",
        "code_files": ["f.py"],
        "live": True,
        "parameters": {"a": 1},
        "factors": ["b.c", "d", "e"],
    }
    ref = made.study.system
    assert (ref.name, ref.shorthand, ref.value, ref.folder) == ("bound", "bound", "x", str(tmp_path))
    more = read_document({**given, "system": {"bound": "x", "shell": True}}, registry=bound, folder=tmp_path)
    assert more.system.value == {"bound": "x", "shell": True}


def test_what_a_shorthand_refuses_has_the_systems_line(bound, tmp_path):
    """A refusal of the plug-in gets the study's file and line; a missing part stays one."""
    file = tmp_path / "s.yaml"
    file.write_text("study: s\nsystem: {bound: broken}\n")
    with pytest.raises(SpecError, match=r"s.yaml:2: system: the program is broken \(mend it\)"):
        read_file(file, registry=bound)

    def missing(value, folder, options):
        raise MissingPart("no such extra")

    with pytest.raises(MissingPart):
        read_file(file, registry=Registry(extra={"shorthand": {"bound": missing}}))


def test_a_command_needs_no_file(bound, tmp_path):
    """Words are split as a shell would; overrides make factors and parameters; the study is named after its program."""
    made = read_command(
        "./train.sh --lr {lr} --name 'a b'",
        registry=bound,
        overrides=["lr=1e-4,1e-3", "depth=3", "parallel.jobs=2"],
        replicates=3,
        metrics=["loss=minimize", "time_s"],
        folder=tmp_path,
    )
    study = made.study
    assert made.system.value == ["./train.sh", "--lr", "{lr}", "--name", "a b"]
    assert made.system.options["factors"] == ["depth", "lr"]
    assert (study.name, study.replicates, study.parallel.jobs) == ("train", 3, 2)
    assert study.metrics == (Metric("loss", Direction.MINIMIZE), Metric("time_s"))
    assert study.factors[0].levels == ((1e-4,), (1e-3,))
    assert study.base == {"depth": 3}
    assert read_document(study.document, registry=bound, folder=tmp_path).study == study


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("./train.sh", "train"),
        ("python3.11 fit/model.py", "model"),
        ("python -m fit", "python"),
        ("/usr/bin/my+tool", "my-tool"),
        ("+++", "command"),
    ],
)
def test_names_of_commands(bound, tmp_path, command, name):
    """An interpreter gives its script's name, and what no name may hold becomes a dash."""
    assert read_command(command, registry=bound, overrides=[], folder=tmp_path).study.name == name


@pytest.mark.parametrize(
    ("command", "more", "says"),
    [
        ("", {}, "the command is empty"),
        ("./a 'b", {}, "cannot be split into words"),
        ("./a", {"metrics": ["loss=minimise"]}, "did you mean 'minimize'?"),
        ("./a", {"name": "a b"}, "is no name"),
        ("./a", {"replicates": 0}, "greater than or equal to 1"),
        ("./a", {"overrides": ["lr=1:5"]}, "range"),
    ],
)
def test_mistakes_of_commands(bound, tmp_path, command, more, says):
    """Every mistake is one line."""
    with pytest.raises(UserError) as caught:
        read_command(command, registry=bound, folder=tmp_path, **{"overrides": [], **more})
    assert says in str(caught.value)


numbers = st.one_of(st.integers(-5, 5), st.floats(-5, 5).map(lambda number: round(number, 3)))
levels = st.lists(numbers, min_size=1, max_size=4, unique_by=lambda number: (type(number), number))
spaced = st.tuples(st.sampled_from(["linspace", "geomspace"]), st.integers(2, 5)).map(
    lambda made: {made[0]: [1, 2], "n": made[1]}
)
factor = st.one_of(levels, spaced, levels.map(lambda made: {"levels": made}), st.just({"range": [1, 2, 0.5]}))
zips = st.integers(1, 3).map(lambda n: {"zip": {"z.a": list(range(n)), "z.b": list("xyz"[:n])}})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    common=st.dictionaries(st.sampled_from(["a", "b.c", "b.d"]), factor, max_size=3),
    zipped=st.none() | zips,
    own=st.dictionaries(st.sampled_from(["e", "f"]), factor, max_size=2),
    words=st.fixed_dictionaries(
        {},
        optional={
            "replicates": st.integers(1, 9),
            "limits": st.fixed_dictionaries({}, optional={"wall": st.sampled_from(["2m", 30, "1h30m"])}),
            "stop": st.fixed_dictionaries({}, optional={"failures": st.sampled_from(["10%", 3])}),
            "timing": st.booleans(),
            "order": st.fixed_dictionaries({}, optional={"randomise": st.sampled_from(["none", "full"])}),
            "base": st.just({"g": {"h": [1, {"secret": "X"}]}}),
        },
    ),
)
def test_any_study_reads_back_from_its_document(common, zipped, own, words):
    """Whatever is declared, the document of the study gives the same study, through JSON, as often as one likes."""
    given_words = {
        "study": "s",
        "system": {"bound": "x"},
        "factors": {**common, **({"both": zipped} if zipped else {})},
        "variants": {"one": {"factors": own, "set": {"i": 1}}, "two": {"baseline": True}},
        **words,
    }
    registry = Registry(extra={"shorthand": {"bound": _Bound}})
    folder = Path.cwd()
    study = read_document(given_words, registry=registry, folder=folder).study
    again = read_document(json.loads(json.dumps(study.document)), registry=registry, folder=folder).study
    assert again == study
    assert again.document == study.document


def test_half_of_a_surrogate_pair_is_refused_in_one_line(tmp_path):
    """It cannot be written as UTF-8, so it can be neither digested nor printed."""
    path = tmp_path / "study.yaml"
    path.write_text('study: s\nsystem: fake\nfactors:\n  effect: ["\\ud800", 1]\n')
    for read in (
        lambda: read_file(path, registry=Registry()),
        lambda: read_document({"study": "s", "question": "\ud800"}, registry=Registry(), folder=tmp_path),
    ):
        with pytest.raises(SpecError, match="half of a surrogate pair"):
            read()
