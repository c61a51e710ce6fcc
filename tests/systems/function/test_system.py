"""Tests of plain functions as systems."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fairtrial.errors import MissingPart, UnknownName, UserError
from fairtrial.systems.function.call import Call
from fairtrial.systems.function.system import bind

MODEL = '''
"""A model."""
from __future__ import annotations
import helper
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional
from pydantic import BaseModel, Field
from fairtrial import Secret
if TYPE_CHECKING:
    from fairtrial.contract.system import Context

print("imported")

class Colour(Enum):
    RED = "red"

class Inner(BaseModel):
    size: int = 2

def plain(lr: float, depth: int = 3, *, kind: Literal["a", "b"] = "a", tags: list[float] = [1]) -> dict:
    assert isinstance(lr, float), lr
    return {"score": lr * depth + helper.OFFSET}

def seeded(x: Annotated[int, Field(ge=0)], seed: int, context: Context) -> dict:
    assert context.seed == seed
    return {"seed": seed, "x": x}

def optional_seed(seed: Optional[int] = None):
    return {"seed": seed}

async def rich(colour: Colour, where: Path, key: Secret, inner: Inner, pair: tuple[int, str] = (1, "a")) -> dict:
    assert (colour, where, inner, pair) == (Colour.RED, Path("/tmp"), Inner(size=3), (1, "a"))
    return {"length": len(key.reveal())}

def loose(anything, seed: str = "text", rate: float = None):
    return {"n": len(anything)}

def starred(a, *rest): ...
def keyworded(a, **rest): ...
def positional(a, /): ...
def generator(a):
    yield {"a": a}
def wrong(a: NotThere): ...
def private(_a: int): ...
def odd(a: object = object()): ...
def stream(context: str): ...

class Thing:
    @staticmethod
    def measure(x: int):
        return {"x": x}
value = 3
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "helper.py").write_text("OFFSET = 1\n")
    return tmp_path


@pytest.fixture
def context():
    return SimpleNamespace(seed=7)


def both(system, context, **given):
    """Run in the driver and as the worker does; they agree."""
    parameters = system.Parameters(**given)
    here = system.run(parameters, context)
    there = Call(system.target().config).run(json.loads(json.dumps(parameters.model_dump(mode="json"))), context)
    assert here == there
    return here


def test_typed_arguments_become_parameters(folder, context):
    """Defaults are kept, types validated, and nothing else is accepted."""
    system = bind("model:plain", folder, {})
    assert system.Parameters(lr=1).model_dump(mode="json") == {"lr": 1.0, "depth": 3, "kind": "a", "tags": [1.0]}
    assert both(system, context, lr=1) == {"score": 4.0}
    with pytest.raises(ValueError, match="extra"):
        system.Parameters(lr=1, other=2)
    with pytest.raises(ValueError, match="kind"):
        system.Parameters(lr=1, kind="c")
    assert system.target().config["plain"]


def test_worker_turns_an_int_into_the_float_that_was_annotated(folder, context):
    """JSON writes 1.0 as 1 in places; the function gets a float all the same."""
    assert Call(bind("model:plain", folder, {}).target().config).run({"lr": 2}, context) == {"score": 7.0}


def test_seed_and_context_are_given(folder, context):
    """An int named seed and a context are the trial's, and no parameters."""
    system = bind("model:seeded", folder, {})
    assert list(system.Parameters.model_fields) == ["x"]
    assert both(system, context, x=1) == {"seed": 7, "x": 1}
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        system.Parameters(x=-1)
    assert both(bind("model:optional_seed", folder, {}), context) == {"seed": 7}


def test_rich_types_are_made_in_the_worker(folder, context, monkeypatch):
    """Enums, paths, secrets, models and tuples arrive as what the annotations say; async functions are completed."""
    monkeypatch.setenv("KEY", "hush")
    system = bind("model:rich", folder, {})
    given = {"colour": "red", "where": "/tmp", "key": {"secret": "KEY"}, "inner": {"size": 3}}
    assert both(system, context, **given) == {"length": 4}
    assert "hush" not in repr(system.Parameters(**given))
    assert not system.target().config["plain"]


def test_loose_annotations(folder, context):
    """No annotation takes anything; a seed that is text is a parameter; None as a default is allowed."""
    system = bind("model:loose", folder, {})
    assert system.Parameters(anything=[1]).model_dump() == {"anything": [1], "seed": "text", "rate": None}
    assert both(system, context, anything=[1, {"a": None}], rate=2) == {"n": 2}


def test_file_and_nested_addresses(folder, context):
    """A file relative to the study's folder, and a static method, are addresses too."""
    sub = folder / "lib"
    sub.mkdir()
    (sub / "other.py").write_text("import near\ndef f(x: int): return {'x': x + near.Y}\n")
    (sub / "near.py").write_text("Y = 1\n")
    system = bind("lib/other.py:f", folder, {})
    assert both(system, context, x=1) == {"x": 2}
    assert system.identity()["function"] == "lib/other.py:f"
    assert set(system.identity()["code"]) == {"other.py", "near.py"}
    assert both(bind("model:Thing.measure", folder, {}), context, x=5) == {"x": 5}


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("model:starred", UserError, r"\*rest names no parameter"),
        ("model:keyworded", UserError, r"\*\*rest names no parameter"),
        ("model:positional", UserError, "positional-only"),
        ("model:generator", UserError, "is a generator"),
        ("model:wrong", UserError, "NotThere"),
        ("model:private", UserError, "'_a' cannot be"),
        ("model:odd", UserError, "default of 'a' is not JSON"),
        ("model:stream", UserError, "given the trial's context"),
        ("model:Thing", UserError, "is a class"),
        ("model:value", UserError, "int, not a function"),
        ("model:plian", UserError, "did you mean 'plain'"),
        ("modle:plain", UserError, "did you mean 'model'"),
        ("modle.py:plain", UnknownName, "did you mean 'model.py'"),
        ("model", UserError, "pkg.module:function"),
        (":f", UserError, "pkg.module:function"),
        (3, UserError, "pkg.module:function"),
        ({"python": "model:plain", "lvie": True}, UnknownName, "did you mean 'live'"),
    ],
)
def test_bad_addresses_are_refused_in_one_line(folder, address, error, says):
    """Every mistake gives one line with the nearest valid thing."""
    with pytest.raises(error, match=says) as caught:
        bind(address, folder, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("def f(:\n", UserError, r"bad.py:1: SyntaxError"),
        ("x = 1\nx / 0\n", UserError, r"bad.py:2: ZeroDivisionError"),
        ("import no_such_package_42\n", MissingPart, "pip install no_such_package_42"),
        ("raise SystemExit(3)\n", UserError, "SystemExit"),
    ],
)
def test_modules_that_do_not_import(tmp_path, source, error, says):
    """What the import raised is one line with file and line."""
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(error, match=says) as caught:
        bind("bad:f", tmp_path, {})
    assert "\n" not in str(caught.value)


def test_a_name_that_is_taken_is_refused(tmp_path):
    """A file named like a module of Python's own would be another module in the worker."""
    (tmp_path / "json.py").write_text("def f(): return {}\n")
    with pytest.raises(UserError, match=r"rename json\.py"):
        bind("json.py:f", tmp_path, {})


def test_two_studies_keep_their_own_modules(tmp_path, context):
    """Modules of the same name in two folders do not meet, and the process is left as it was."""
    systems = []
    for number in (1, 2):
        home = tmp_path / str(number)
        home.mkdir()
        (home / "twin.py").write_text("def f():\n    import late\n    return {'n': late.N}\n")
        (home / "late.py").write_text(f"N = {number}\n")
        systems.append(bind("twin:f", home, {}))
    path = list(sys.path)
    assert [both(system, context) for system in systems] == [{"n": 1}, {"n": 2}]
    assert both(systems[0], context) == {"n": 1}
    assert path == sys.path
    assert not {"twin", "late"} & set(sys.modules)


def test_an_edit_is_seen_at_once(tmp_path, context, monkeypatch):
    """Binding again reads the file again, also within the same second and at the same size."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "swift.py").write_text("def f(): return {'n': 1}\n")
    first = bind("swift:f", tmp_path, {})
    (tmp_path / "swift.py").write_text("def f(): return {'n': 2}\n")
    second = bind("swift:f", tmp_path, {})
    assert (first.run(first.Parameters(), context), both(second, context)) == ({"n": 1}, {"n": 2})
    assert not (tmp_path / "__pycache__").exists()


def test_what_an_import_prints_is_no_result(folder, capsys):
    """Results go to stdout; what a module prints when it is imported does not."""
    bind("model:plain", folder, {})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "imported" in captured.err


def test_identity_follows_the_code(folder):
    """A change of the module or of what it imports names the file; another folder changes nothing."""
    system = bind("model:plain", folder, {})
    first = system.identity()
    assert set(first["code"]) == {"model.py", "helper.py"}
    (folder / "helper.py").write_text("OFFSET = 2\n")
    second = system.identity()
    assert [name for name, part in first["code"].items() if part != second["code"][name]] == ["helper.py"]
    other = folder / "elsewhere"
    other.mkdir()
    for name in ("model.py", "helper.py"):
        (other / name).write_text((folder / name).read_text())
    assert bind("model:plain", other, {}).identity() == second
    assert str(folder) not in json.dumps(second)


def test_identity_by_version_and_by_files(folder):
    """`version` leaves only the version; `files` takes the list, and says which is missing."""
    assert bind("model:plain", folder, {"code": "version"}).identity()["code"] == {"version": "1"}
    (folder / "model.py").write_text("__version__ = '2.1'\n" + MODEL.replace("from __future__ import annotations", ""))
    (folder / "versioned.py").write_text("__version__ = '2.1'\ndef f(): return {}\n")
    versioned = bind("versioned:f", folder, {"code": "version"})
    assert (versioned.version, versioned.identity()["code"]) == ("2.1", {"version": "2.1"})
    listed = bind("versioned:f", folder, {"code": "files", "code_files": ("helper.py",)})
    assert list(listed.identity()["code"]) == ["helper.py"]
    with pytest.raises(UserError, match=r"did you mean 'helper.py'"):
        bind("versioned:f", folder, {"code": "files", "code_files": ("helpr.py",)}).identity()


def test_live_is_said_in_either_place(folder):
    """`live: true` stands beside the address or in the study."""
    assert bind({"python": "model:plain", "live": True}, folder, {}).live
    assert bind("model:plain", folder, {"live": True}).live
    assert not bind("model:plain", folder, {}).live


def test_the_worker_stays_slim(folder):
    """Calling a function with JSON annotations imports neither pydantic nor the rest of fairtrial."""
    (folder / "slim.py").write_text("def f(x: float, seed: int): return {'x': x}\n")
    config = bind("slim:f", folder, {}).target().config
    code = (
        "import sys, json, types; from fairtrial.systems.function.call import Call; "
        "call = Call(json.loads(sys.argv[1])); print(call.run({'x': 1}, types.SimpleNamespace(seed=1)));"
        "print(sorted(n for n in sys.modules if n.startswith(('pydantic', 'numpy', 'fairtrial'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(dict(config))], capture_output=True, text=True, check=True
    )
    result, modules = done.stdout.splitlines()
    assert result == "{'x': 1.0}"
    assert modules == str(
        [
            "fairtrial",
            "fairtrial.systems",
            "fairtrial.systems.function",
            "fairtrial.systems.function.call",
            "fairtrial.systems.function.home",
        ]
    )
