"""Editing configuration files: the intended values change, every other byte stays, or it is refused."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fairtrial.errors import UnknownName, UserError
from fairtrial.promote.edit import diff, edit, hunks, undone

TEXT = """\
# top
pool: 4   # threads
rate: 1e-3  # old
mode: 'fast'  # q
name: "x y"
dims:
  # first
  - 512   # a
  - 128
flow: [1, 2] # f
empty:
tail: # c
nested:
  deep: {a: 1, b: two}   # keep
  list:
  - x: 1
    y: 2
  - x: 3
text: |
  hello
  world

shared: &s 5
alias: *s
word: on
a.b: 3
"""


def put(text: str, file: str = "runtime.yaml", /, *, add: bool = False, **values: object) -> str:
    """Edit; keys are given with __ for a dot."""
    wanted = {key.replace("__", "."): ("p", value) for key, value in values.items()}
    return edit(text, wanted, file=file, add=add).text


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """List the lines that differ, of texts with equally many lines."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(old.strip(), new.strip()) for old, new in pairs if old != new]


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("pool", 8, "pool: 8   # threads"),
        ("pool", "8", "pool: '8'   # threads"),
        ("pool", [1, 2], "pool: [1, 2]   # threads"),
        ("pool", None, "pool: null   # threads"),
        ("pool", True, "pool: true   # threads"),
        ("rate", 1e-5, "rate: 1.0e-05  # old"),
        ("rate", 2, "rate: 2.0  # old"),
        ("mode", "slow", "mode: 'slow'  # q"),
        ("mode", "it's", "mode: 'it''s'  # q"),
        ("mode", 3, "mode: 3  # q"),
        ("name", 'a "b"\n', 'name: "a \\"b\\"\\n"'),
        ("dims.1", 64, "- 64"),
        ("flow", [1, 2, 3], "flow: [1, 2, 3] # f"),
        ("empty", "x", "empty: x"),
        ("tail", 512, "tail: 512 # c"),
        ("nested.deep.b", "512MB", "deep: {a: 1, b: 512MB}   # keep"),
        ("nested.deep.b", "0x1F", "deep: {a: 1, b: '0x1F'}   # keep"),
        ("nested.deep", {"a": 2, "b": "two"}, "deep: {a: 2, b: two}   # keep"),
        ("nested.list.1.x", 4.5, "- x: 4.5"),
        ("alias", 6, "alias: 6"),
        ("word", "off", "word: 'off'"),
        ("a.b", 4, "a.b: 4"),
    ],
)
def test_one_value_changes_one_line(key: str, value: object, line: str) -> None:
    """Quotes, comments and spacing stay, and the value reads back with its type."""
    after = edit(TEXT, {key: ("p", value)}, file="r.yaml").text
    assert [new for _, new in changed(TEXT, after)] == [line]


def test_equal_values_are_left_as_they_are_written() -> None:
    """1e-3 is 0.001 and 4 is 4.0: nothing is rewritten."""
    assert put(TEXT, rate=0.001, pool=4.0, nested__deep={"a": 1.0, "b": "two"}) == TEXT


def test_lists_of_the_same_length_keep_their_comments() -> None:
    """Only the item that differs is written."""
    assert changed(TEXT, put(TEXT, dims=[512, 64])) == [("- 128", "- 64")]


def test_blocks_are_rewritten_as_blocks() -> None:
    """A longer list has a line for each item; a block of text becomes a word, and what follows stays."""
    after = put(TEXT, dims=[1, 2, 3], text="one", nested__list=7)
    assert "dims:\n  # first\n  - 1\n  - 2\n  - 3\nflow" in after
    assert "  list: 7\ntext: one\n\nshared: &s 5\n" in after


def test_missing_keys_are_refused_with_the_nearest_one() -> None:
    """A typing error writes nothing; --add makes nested keys at the end of their mapping."""
    with pytest.raises(UnknownName, match="did you mean 'pool'"):
        put(TEXT, pol=3)
    after = put(TEXT, add=True, new__key=1, nested__deep__c=[1], nested__list__0__z=None)
    assert after.startswith(TEXT.split("nested:")[0])
    assert "  deep: {a: 1, b: two, c: [1]}   # keep\n" in after
    assert "    y: 2\n    z: null\n  - x: 3\n" in after
    assert after.endswith("a.b: 3\nnew:\n  key: 1\n")


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (TEXT, "shared", "anchor"),
        ("base: &b\n  x: 1\nc:\n  <<: *b\n", "base.x", "anchor"),
        ("a: !!str 5\n", "a", "tag"),
        ("a: 1\n---\na: 2\n", "a", "several documents"),
        ("a: 1\na: 2\n", "a", "r.yaml:2: .*duplicate key"),
        ("a: [1\n", "a", "r.yaml:.*not valid YAML"),
        ("- 1\n", "a", "no mapping"),
        ("a: {b: 1}\n", "a.c", "unknown key"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text: str, key: str, said: str) -> None:
    """Anchors that others use, tags, several documents and broken files: one line, nothing written."""
    with pytest.raises(UserError, match=said):
        edit(text, {key: ("p", 9)}, file="r.yaml")


def test_a_merged_key_is_overridden_where_it_was_asked_for() -> None:
    """What `<<` brings in stays as it is for everybody else."""
    text = "base: &b\n  x: 1\nc:\n  <<: *b\n  y: 2\n"
    assert put(text, c__x=5) == text + "  x: 5\n"


@pytest.mark.parametrize("text", [TEXT, TEXT.rstrip("\n"), "", "# only a comment", "a: 1\n...\n"])
def test_windows_line_breaks_stay(text: str) -> None:
    """Every line break of the result is the file's own."""
    windows = text.replace("\n", "\r\n")
    wanted = {"zz": ("p", 1)} if "pool" not in text else {"pool": ("p", 1), "dims": ("p", [1]), "zz": ("p", 1)}
    after = edit(windows, wanted, file="r.yml", add=True).text
    if "\r\n" in windows:
        assert after.count("\n") == after.count("\r\n")
    assert YAML(typ="safe", pure=True).load(after)["zz"] == 1


def test_readers_of_yaml_1_1_see_the_same_values() -> None:
    """Words such as `no` and numbers such as 1e-05 are written so that PyYAML takes them for what they are."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    values = [
        "no",
        "on",
        "1e-3",
        "12:30",
        "0o7",
        "1_000",
        "~",
        ".inf",
        "2020-01-01",
        1e-05,
        1e16,
        3,
        True,
        None,
        "é",
        "\x85",
    ]
    after = put("v: []\n", v=values)
    assert yaml.safe_load(after)["v"] == values


JSON = '{\n  "a": 1e-3,\n  "b": {"c": [1, 2], "d": "é"},\n  "m": [\n    1,\n    2\n  ],\n  "e": {}\n}\n'


def test_json_is_edited_in_place() -> None:
    """Numbers, layout and letters elsewhere stay; lists on lines of their own stay so."""
    after = put(JSON, "r.json", b__c=[1, 3], b__d="ü")
    assert changed(JSON, after) == [('"b": {"c": [1, 2], "d": "é"},', '"b": {"c": [1, 3], "d": "ü"},')]
    grown = put(JSON, "r.json", add=True, m=[1, 2, 3], e__x=1, z={"q": 1})
    assert '  "m": [\n    1,\n    2,\n    3\n  ],\n  "e": {"x": 1},\n  "z": {\n    "q": 1\n  }\n}\n' in grown
    assert grown.startswith('{\n  "a": 1e-3,\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"a":1,"a":2}', "twice"), ('{"a":1,}', "r.json:1"), ("// c\n{}", "not valid JSON"), ("[1]", "no mapping")],
)
def test_broken_json_is_refused(text: str, said: str) -> None:
    """Comments, keys that stand twice and trailing commas are told in one line."""
    with pytest.raises(UserError, match=said):
        edit(text, {"a": ("p", 9)}, file="r.json")


TOML = """\
# top
title = 'lit' # c
n = 1  # num
f = 1.0
arr = [
  1, # one
  2,
]
a.b = 3
pt = { x = 1, y = 2 } # inl

[srv]
port = 80   # p
d = 1979-05-27

[[w]]
k = 1 # first
[[w]]
k = 2
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_toml_keeps_comments_and_types(end: str) -> None:
    """Dotted keys, inline tables, arrays of tables and arrays on several lines are reached."""
    text = TOML.replace("\n", end)
    after = put(text, "r.toml", title="x", f=2, arr=[1, 5], a__b=4, pt__x=9, srv__port=81, w__1__k=7)
    assert [new for _, new in changed(text, after)] == [
        "title = 'x' # c",
        "f = 2.0",
        "5,",
        "a.b = 4",
        "pt = { x = 9, y = 2 } # inl",
        "port = 81   # p",
        "k = 7",
    ]
    assert after.count("\n") == after.count(end)


def test_toml_takes_new_keys_and_refuses_null() -> None:
    """New tables are made where they are missing."""
    after = put(TOML, "r.toml", add=True, srv__new="v", zz__y=1, top=[1, {"a": 2}])
    read = tomllib.loads(after)
    assert (read["srv"]["new"], read["zz"], read["top"]) == ("v", {"y": 1}, [1, {"a": 2}])
    with pytest.raises(UserError, match="no null"):
        put(TOML, "r.toml", n=None)


def test_other_kinds_of_files_are_refused() -> None:
    """The name's ending says the language."""
    with pytest.raises(UserError, match="cannot edit"):
        put("[a]\nb=1\n", "r.ini", a__b=2)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
keys = st.text(min_size=1, max_size=8).filter(lambda word: "." not in word)
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
documents = st.dictionaries(keys, trees, min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(documents, trees, st.data())
def test_any_value_reads_back_and_can_be_undone(document: dict, value: object, data: st.DataObject) -> None:
    """Whatever is written into JSON reads back as it was meant, and the hunks give the old text again."""
    key = data.draw(st.sampled_from(sorted(document)))
    text = json.dumps(document, indent=data.draw(st.sampled_from([None, 1, 4])), ensure_ascii=data.draw(st.booleans()))
    after = edit(text, {key: ("p", value)}, file="r.json").text
    assert json.loads(after) == {**document, key: value}
    assert undone(after, hunks(text, after)) == text


plain = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
small = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | plain
)


@settings(max_examples=150, deadline=None)
@given(
    small | st.lists(small, max_size=3),
    st.sampled_from(["pool", "mode", "name", "dims", "empty", "text", "nested.deep.b"]),
)
def test_any_value_fits_into_yaml(value: object, key: str) -> None:
    """It reads back with its type, and the hunks give the old text again."""
    after = edit(TEXT, {key: ("p", value)}, file="r.yaml").text
    assert undone(after, hunks(TEXT, after)) == TEXT


def test_hunks_hold_nothing_but_what_changed() -> None:
    """A password on the same line is not kept in the book."""
    before = "db: {user: me, password: hunter2, pool: 4}\n"
    after = put(before, db__pool=16)
    assert "hunter2" not in str(hunks(before, after))
    assert undone(after, hunks(before, after)) == before
    with pytest.raises(UserError, match="not the one"):
        undone(after.replace("16", "17"), hunks(before, after))


def test_the_diff_is_unified() -> None:
    """Old and new lines under the file's name."""
    after = put(TEXT, pool=8)
    assert "-pool: 4   # threads\n+pool: 8   # threads\n" in diff(TEXT, after, "r.yaml")


def test_a_file_without_keys_names_none() -> None:
    """The hint says only how a key is made."""
    with pytest.raises(UnknownName) as problem:
        put("", x=1)
    assert str(problem.value) == "unknown key of runtime.yaml 'x' (--add writes a new one)"
