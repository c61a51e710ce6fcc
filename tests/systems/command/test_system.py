"""Tests of commands as systems."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairtrial.errors import BadResult, UnknownName, UserError
from fairtrial.systems.command.program import Program
from fairtrial.systems.command.system import bind

PRINT = "import sys, json; print('noise'); print(json.dumps({'loss': float(sys.argv[1]) * 2}))"


def options(base=None, factors=(), **words):
    return {"parameters": base or {}, "factors": list(factors), **words}


@pytest.fixture
def context(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return SimpleNamespace(seed=11, scratch=scratch, inputs={"labels": tmp_path / "labels.parquet"})


def launched(system, context, **parameters):
    program = Program(system.target().config)
    return program.prepare(system.Parameters(**parameters).model_dump(mode="json"), context)


def test_runs_and_reads_the_last_line(tmp_path, context):
    """A program's last line of stdout, a JSON object, is its metrics."""
    system = bind(
        [sys.executable, "-c", PRINT.replace("{", "{{").replace("}", "}}"), "{lr}"], tmp_path, options({"lr": 0.5})
    )
    assert system.run(system.Parameters(lr=0.25), context) == {"loss": 0.5}


def test_writes_values_without_a_shell(tmp_path, context):
    """Floats by repr, text as it is, the rest as JSON; no word is split and nothing is quoted."""
    base = {"lr": 1e-05, "name": "a b; $HOME", "flag": True, "load": {"clients": 3, "tags": ["x", None]}}
    argv = ["echo", "{lr}", "{name}", "--flag={flag}", "{load.clients}", "{load.tags}", "{{lr}}"]
    launch = launched(bind(argv, tmp_path, options(base)), context, **base)
    assert list(launch.argv) == ["echo", "1e-05", "a b; $HOME", "--flag=true", "3", '["x",null]', "{lr}"]
    assert launch.folder == str(tmp_path)


def test_floats_survive_the_command_line(tmp_path, context):
    """What the program parses is bit for bit the level."""
    for value in (0.1 + 0.2, 1e-300, 5e-324, 1 / 3):
        system = bind(["echo", "{lr}"], tmp_path, options({"lr": 1.0}))
        assert float(launched(system, context, lr=value).argv[1]) == value


def test_quotes_values_for_a_shell(tmp_path, context):
    """With shell: true a value is one word, whatever it holds."""
    hostile = "x'; touch pwned; echo '"
    value = {"command": "printf '{{\"n\": %s}}\\n' $(echo {name} | wc -l)", "shell": True}
    system = bind(value, tmp_path, options({"name": hostile}))
    assert system.run(system.Parameters(name=hostile), context) == {"n": 1}
    assert not (tmp_path / "pwned").exists()


def test_special_placeholders(tmp_path, context):
    """{seed}, {config}, {out} and {inputs.NAME} are the trial's own."""
    base = {"lr": 0.5, "deep": {"er": [1]}}
    system = bind("echo {seed} {config} {out} {inputs.labels}", tmp_path, options(base))
    _, seed, config, out, labels = launched(system, context, **base).argv
    assert seed == "11"
    assert json.loads(Path(config).read_text()) == base
    assert Path(out).parent == context.scratch
    assert labels == str(tmp_path / "labels.parquet")


def test_out_file_wins_over_stdout(tmp_path, context):
    """Metrics in the {out} file are taken, whatever stdout says."""
    code = "import sys; open(sys.argv[1], 'w').write('{{\"a\": 1}}'); print('{{\"a\": 2}}')"
    system = bind([sys.executable, "-c", code, "{out}"], tmp_path, options())
    assert system.run(system.Parameters(), context) == {"a": 1}


@pytest.mark.parametrize(
    ("stdout", "says"),
    [
        (b"", "stdout is empty"),
        (b"done\n\n", "not JSON: 'done'"),
        (b"3\n", "no object"),
        (b"x" * 65536, "longer than 64 kB"),
    ],
)
def test_no_metrics_is_a_bad_result(tmp_path, stdout, says):
    """A program without a JSON object is told so in one line."""
    program = Program(bind("true", tmp_path, options()).target().config)
    with pytest.raises(BadResult, match=says) as caught:
        program.collect(stdout_tail=stdout, scratch=None)
    assert "\n" not in str(caught.value)


def test_trailing_blank_lines_are_skipped(tmp_path):
    """The last line that is not empty counts; NaN is passed on for the worker to judge."""
    program = Program(bind("true", tmp_path, options()).target().config)
    assert program.collect(stdout_tail=b'x\r\n{"a": 1}\r\n\n  \n', scratch=None) == {"a": 1}


def test_unknown_placeholder_names_the_nearest(tmp_path):
    """A misspelt placeholder is refused before anything runs."""
    with pytest.raises(UnknownName, match=r"did you mean '\{depth\}'"):
        bind("echo {dpeth}", tmp_path, options({"depth": 1}))
    with pytest.raises(UnknownName, match=r"\{load\.clients\}"):
        bind("echo {load.client}", tmp_path, options({"load": {"clients": 1}}))


def test_unknown_placeholders_pass_where_the_study_is_unknown(tmp_path):
    """Without the base and factors nothing can be held against a placeholder."""
    assert "lr" in bind("echo {lr}", tmp_path, {}).Parameters.model_fields


def test_inert_factor_is_refused(tmp_path):
    """A factor that reaches the command nowhere changes nothing."""
    with pytest.raises(UserError, match=r"factor 'lrr' changes nothing.*did you mean 'lr'"):
        bind("echo {lr}", tmp_path, options({"lr": 1}, ["lrr"]))
    bind("echo {config}", tmp_path, options({}, ["anything.at.all"]))
    bind("echo {load}", tmp_path, options({"load": {"clients": 1}}, ["load.clients"]))
    bind("echo {load.clients}", tmp_path, options({"load": {"clients": 1}}, ["load"]))
    bind({"command": "env", "env": {"LR": "{lr}"}}, tmp_path, options({}, ["lr"]))


def test_ambiguous_name_is_refused(tmp_path):
    """A parameter named like a placeholder of the trial's cannot be meant twice."""
    with pytest.raises(UserError, match="both the parameter 'seed'"):
        bind("echo {seed}", tmp_path, options({"seed": 1}))


def test_secrets_stay_off_the_command_line(tmp_path, context, monkeypatch):
    """A secret goes to the environment only, and no file, argument or identity holds its value."""
    monkeypatch.setenv("TOKEN", "hush-hush")
    base = {"key": {"secret": "TOKEN"}, "lr": 1}
    with pytest.raises(UserError, match="process list"):
        bind("echo {key}", tmp_path, options(base))
    value = {"command": "echo {lr} {config}", "env": {"KEY": "{key}", "OTHER": {"secret": "TOKEN"}}}
    system = bind(value, tmp_path, options(base))
    launch = launched(system, context, **base)
    assert launch.env["KEY"] == launch.env["OTHER"] == "hush-hush"
    assert "hush" not in " ".join(launch.argv) + repr(system) + repr(system.target()) + str(system.identity())
    assert "hush" not in (context.scratch / "config.json").read_text()


def test_secret_level_is_refused_in_the_trial(tmp_path, context):
    """A factor's level that is a secret is caught where the base did not show it."""
    system = bind("echo {key}", tmp_path, options({}, ["key"]))
    with pytest.raises(UserError, match="process list"):
        launched(system, context, key={"secret": "TOKEN"})


def test_parameters_hold_what_is_set(tmp_path):
    """Unset parameters are absent from the dump, so a factor added later changes no earlier trial."""
    before = bind("echo {config}", tmp_path, options({"lr": 1}))
    after = bind("echo {config}", tmp_path, options({"lr": 1}, ["depth"]))
    assert before.Parameters(lr=1).model_dump(mode="json") == after.Parameters(lr=1).model_dump(mode="json")
    with pytest.raises(ValueError, match="extra"):
        after.Parameters(lr=1, other=2)
    assert bind("echo {json} {copy}", tmp_path, {}).Parameters(json=1, copy={"a": 2}).model_dump(mode="json") == {
        "json": 1,
        "copy": {"a": 2},
    }


def test_null_is_set_and_unset_is_absent(tmp_path):
    """Null is a value like any other, and so is the word absent; each name has a schema of its own."""
    Parameters = bind("echo {config}", tmp_path, options({"lr": 1}, ["depth", "load.clients", "load.rate"])).Parameters
    assert Parameters().model_dump(mode="json") == {}
    assert Parameters(depth=None).model_dump(mode="json") == {"depth": None}
    assert Parameters(load={"clients": None}, lr="absent").model_dump() == {"load": {"clients": None}, "lr": "absent"}
    schema = Parameters.model_json_schema()
    assert {name: field["title"] for name, field in schema["properties"].items()} == {
        "lr": "Lr",
        "depth": "Depth",
        "load": "Load",
    }
    assert not schema.get("required")


def test_missing_program_is_refused(tmp_path):
    """A program that is not there, or cannot be executed, is told before anything starts."""
    (tmp_path / "train.sh").write_text("#!/bin/sh\n")
    with pytest.raises(UserError, match=r"did you mean 'train.sh'"):
        bind("./trian.sh", tmp_path, options())
    with pytest.raises(UserError, match=r"chmod \+x ./train.sh"):
        bind("./train.sh", tmp_path, options())
    with pytest.raises(UserError, match=r"write ./train.sh"):
        bind("train.sh", tmp_path, options())
    with pytest.raises(UserError, match="PATH"):
        bind("surely-no-such-program-42", tmp_path, options())


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "nothing to run"),
        ([], "nothing to run"),
        (3, "nothing to run"),
        (["echo", {"a": 1}], "no word"),
        ("echo {", "no placeholder"),
        ("awk '{print $1}'", "write {{ and }}"),
        ("echo 'open", "cannot be split"),
        ({"command": ["echo"], "shell": True}, "one string"),
        ({"command": "echo", "shel": True}, "did you mean 'shell'"),
        ({"command": "echo", "env": ["A=1"]}, "mapping"),
    ],
)
def test_bad_words_are_refused_in_one_line(tmp_path, value, says):
    """Every mistake in the declaration gives one line that says what to do."""
    with pytest.raises(UserError, match=says) as caught:
        bind(value, tmp_path, options())
    assert "\n" not in str(caught.value)


def test_identity_covers_program_and_files(tmp_path):
    """The program and every argument that is a file are digested, by names relative to the study's folder."""
    program = tmp_path / "train.sh"
    program.write_text("#!/bin/sh\necho 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "conf.ini").write_text("a=1")
    system = bind(["./train.sh", "--conf=conf.ini", "{lr}"], tmp_path, options({"lr": 1}))
    first = system.identity()
    assert set(first["code"]) == {"./train.sh", "conf.ini"}
    assert str(tmp_path) not in json.dumps(first)
    (tmp_path / "conf.ini").write_text("a=2")
    second = system.identity()
    assert [name for name in first["code"] if first["code"][name] != second["code"][name]] == ["conf.ini"]


def test_identity_by_shell_words_version_and_files(tmp_path):
    """A shell line's files count; `version` leaves the command line alone; `files` takes the list."""
    (tmp_path / "a.py").write_text("1")
    shell = bind({"command": "python a.py&& true", "shell": True}, tmp_path, options())
    assert list(shell.identity()["code"]) == ["a.py"]
    argv = [sys.executable, "a.py"]
    assert bind(argv, tmp_path, options(code="version")).identity()["code"] == {"version": "1"}
    listed = bind(argv, tmp_path, options(code="files", code_files=("a.py",)))
    assert list(listed.identity()["code"]) == ["a.py"]
    with pytest.raises(UserError, match=r"'b.py' is not a file"):
        bind(argv, tmp_path, options(code="files", code_files=("b.py",))).identity()


def test_program_on_the_path_is_digested(tmp_path, monkeypatch):
    """A program that is looked up enters identity under its name, by content."""
    tool = tmp_path / "bin" / "solver"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    first = bind("solver {x}", tmp_path, {}).identity()["code"]
    tool.write_text("#!/bin/sh\n# new\n")
    assert list(first) == ["solver"]
    assert bind("solver {x}", tmp_path, {}).identity()["code"] != first


def test_live_is_said_in_either_place(tmp_path):
    """`live: true` stands beside the command or in the study."""
    assert bind({"command": "true", "live": True}, tmp_path, {}).live
    assert bind("true", tmp_path, {"live": True}).live
    assert not bind("true", tmp_path, {}).live
