"""Recipes become studies: what is kept, what is left out and why."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from fairtrial.errors import SpecError, UserError
from fairtrial.model.foreign import Foreign
from fairtrial.spec.write import written
from fairtrial.spec.yaml import parse
from fairtrial.systems.services.convert.reasons import WHY
from fairtrial.systems.services.convert.recipe import CLIENT_SETTINGS, CLIENTS, SECTIONS, SERVICE_SETTINGS, Recipe
from fairtrial.systems.services.convert.recipe import read as checked
from fairtrial.systems.services.convert.study import convert as converted
from fairtrial.systems.services.convert.study import study
from fairtrial.systems.services.targets import known


def given(text: str, file: str = "") -> Foreign:
    """A recipe as the command line hands it on."""
    document, lines = parse(text, file)
    return Foreign(document, file, lines)


def read(text: str, file: str = "") -> Recipe:
    return checked(given(text, file))


def convert(text: str, *, file: str = "", clients: tuple[int, ...] = ()) -> str:
    """The study that is printed."""
    return written(converted(given(text, file), clients=clients))


def loaded(text: str):
    return YAML(typ="safe", pure=True).load(text)


def head(text: str) -> str:
    """The comments, unwrapped."""
    return " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))


def test_a_whole_recipe(recipes):
    """Counts become a window, jobs clients, the pause warm-up, tuning settings; both phases are measured apart."""
    made = loaded(convert(recipes.postgres, file="recipe_postgres_stress.yaml"))
    settings = {"shared_buffers": "128MB", "effective_cache_size": "512MB", "maintenance_work_mem": "64MB"}
    assert made["base"]["target"] == {"kind": "postgres", "server": "embedded", "settings": settings}
    assert made["base"]["load"] == {"mode": "closed", "duration_s": 10, "clients": 4, "warmup_s": 5}
    assert made["factors"] == {"target.operation": ["insert", "select"]}
    assert (made["study"], made["replicates"], made["timing"]) == ("postgres-stress", 3, True)
    assert made["stop"] == {"wall": "3600s"}


def test_every_key_is_told_with_its_reason(recipes):
    """Nothing of a recipe vanishes in silence, and no secret of it is repeated."""
    told = head(convert(recipes.postgres))
    for path in read(recipes.postgres).paths():
        if path != "service.type":
            assert path in told, path
    assert "hunter2" not in told
    assert "client.settings.warmup_delay = 5 -> load.warmup_s: 5: a pause warms nothing up" in told
    assert "benchmarks.client_delay = 2 -> left out: the framework ignored it" in told
    assert "service.image = docker://postgres:latest -> left out" in told


def test_levels_to_sweep(recipes):
    """The levels become a factor in place of the one number; the question asks for the knee."""
    made = loaded(convert(recipes.postgres, clients=(1, 2, 4, 2)))
    assert made["factors"]["load.clients"] == [1, 2, 4]
    assert "clients" not in made["base"]["load"]
    assert "where does throughput stop growing" in made["question"]


def test_the_same_recipe_gives_the_same_bytes(recipes):
    """A rerun is the same study, and the head has the framework's own hash of the recipe."""
    once = convert(recipes.postgres, file="a.yaml", clients=(1, 2))
    assert once == convert(recipes.postgres, file="a.yaml", clients=(1, 2))
    assert read(recipes.postgres).digest[:16] in once


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_every_client_becomes_a_study(recipes, client):
    """Its target exists, and every key of the recipe was looked at."""
    document, changes = study(read(recipes.recipe(client)))
    assert document["base"]["target"]["kind"] in known.KINDS
    said = " ".join(map(str, changes))
    assert all(path in said for path in read(recipes.recipe(client)).paths() if path != "client.type")


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_targets_take_what_is_made_of_a_recipe(recipes, client):
    """The parameters of the target and the load are valid, at every level of the factors."""
    from fairtrial.systems.services.load.words import Load

    document, _ = study(read(recipes.recipe(client)), clients=(1, 2))
    target, load = document["base"]["target"], document["base"]["load"]
    for operation in document["factors"].get("target.operation", [None]):
        known.adapter({**target, **({"operation": operation} if operation else {})})
    assert Load.model_validate(load).warmup_s > 0


def test_a_check_of_health_is_a_short_study(recipes):
    """With the level of service that it checked."""
    document, _ = study(read(recipes.recipe("postgres_smoke")))
    assert document["slo"] == {"success_rate": {"min": 1}}
    assert document["base"]["load"]["duration_s"] == 2


def test_the_campaigns_pgbench(recipes):
    """A client that the framework's registry did not know, though its campaign used it."""
    document, _ = study(read(recipes.recipe("pgbench")))
    assert document["base"]["target"] == {"kind": "postgres", "server": "embedded", "operation": "select", "scale": 10}
    assert document["base"]["load"]["duration_s"] == 30
    assert document["base"]["load"]["clients"] == 4


def test_gpus_and_time_limits(recipes):
    """Needs of a model stay needs; a limit of days and hours is seconds; one that is none is refused."""
    text = recipes.recipe("vllm_stress") + "service: {num_gpus: 2, time_limit: 1-02:00:00, settings: {model: m}}\n"
    document, _ = study(read(text))
    assert (document["needs"], document["stop"]) == ({"gpus": 2}, {"wall": "93600s"})
    assert document["base"]["target"]["model"] == "m"
    with pytest.raises(UserError, match="no time"):
        study(read(text.replace("1-02:00:00", "soon")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("client: {type: postgres_stres}", "r.yaml:1: client.type: unknown client 'postgres_stres' (did you mean"),
        (
            "client: {type: vllm_stress}\nservise: {}",
            "r.yaml:2: servise: unknown key of a recipe (did you mean 'service'",
        ),
        (
            "client:\n  type: vllm_stress\n  settings: {max_token: 5}",
            "r.yaml:3: client.settings.max_token: unknown key",
        ),
        ("client: {type: vllm_stress}\nservice: {type: postgres}", "client.type: vllm_stress is a client of vllm"),
        ("service: {type: postgres}", "client: has no type"),
        ("client: {type: pgbench}\nservice: {type: mysql}", "service.type: unknown service 'mysql'"),
        ("client: [", "not valid YAML"),
        ("- 1", "a recipe has the sections"),
        ("", "a recipe has the sections"),
        ("client: {type: pgbench, settings: 5}", "client.settings: 5 is no mapping"),
        ("client: 5", "client: 5 is no mapping"),
    ],
)
def test_what_is_no_recipe_is_refused(text, said):
    """One line with file, line, path and the nearest valid name."""
    with pytest.raises(SpecError) as problem:
        read(text, "r.yaml")
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("number", ["0", "-1", "four", "true", "1.5"])
def test_no_clients_are_no_load(number):
    """A level that is none is refused."""
    with pytest.raises(UserError):
        convert(f"client: {{type: pgbench}}\nbenchmarks: {{num_clients: {number}}}\n")


def test_a_warmup_that_is_no_time():
    """Is refused, not compared."""
    with pytest.raises(UserError, match="no time in seconds"):
        convert("client: {type: vllm_stress, settings: {warmup: long}}")


def test_every_key_that_may_stand_in_a_recipe_has_a_reason_or_a_place():
    """All keys of all sections and settings at once: none leads to an error."""
    for client, service in CLIENTS.items():
        numbers = {"settings": {}, "time_limit": "01:00:00"}
        sections = {name: dict.fromkeys(sorted(keys), 1) | numbers for name, keys in SECTIONS.items()}
        sections["configuration"] = {"target": "x"}
        sections["benchmarks"] = dict.fromkeys(sorted(SECTIONS["benchmarks"]), 1)
        sections["service"] |= {"type": service, "settings": dict.fromkeys(sorted(SERVICE_SETTINGS[service]), 1)}
        if service == "postgres":
            sections["service"]["settings"]["tuning"] = {"shared_buffers": "1MB"}
        settings = dict.fromkeys(sorted(CLIENT_SETTINGS.get(client, ())), 1)
        sections["client"] |= {"type": client, "settings": settings}
        text = str(sections).replace("'", '"')
        document, changes = study(read(text))
        assert document["system"] == "services"
        said = " ".join(map(str, changes))
        assert all(path in said for path in read(text).paths() if not path.endswith(".type")), client


def test_reasons_are_of_keys_that_exist():
    """No reason is left over for a key that no recipe has."""
    settings = {key for keys in (*SERVICE_SETTINGS.values(), *CLIENT_SETTINGS.values()) for key in keys}
    for path in WHY:
        section, *rest = path.split(".")
        assert rest[0] in SECTIONS[section], path
        assert len(rest) == 1 or rest[1] in settings, path


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_converted_recipe_is_a_study_with_the_same_identity_each_time(recipes, client, tmp_path):
    """The reader takes it; converting and reading again gives the same resolved study, and so the same trials."""
    from fairtrial import Study
    from fairtrial.model.identity import digest

    resolved = []
    for name in ("first.yaml", "again.yaml"):
        (tmp_path / name).write_text(convert(recipes.recipe(client), file="recipe.yaml", clients=(1, 2)))
        made = Study.read(tmp_path / name).declare(folder=tmp_path).study
        assert made.name == client.replace("_", "-")
        assert [factor.name for factor in made.factors][-1:] == ["load.clients"]
        resolved.append(digest(dict(made.document)))
    assert resolved[0] == resolved[1]


@pytest.mark.long
def test_a_converted_recipe_runs(recipes, tmp_path, monkeypatch):
    """The recipe of PostgreSQL, as it comes out, at toy size on a real server."""
    import fairtrial

    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(convert(recipes.postgres))
    toy = (
        "replicates=1",
        "timing=false",
        "parallel.jobs=1",
        "base.load.duration_s=1",
        "base.load.warmup_s=1",
        "limits.retries.invalid=0",
    )
    run = fairtrial.Study.read("study.yaml", *toy).run()
    failures = {row.failure.kind.value for row in run.trials() if row.failure is not None}
    assert failures <= {"invalid"}
    assert {row.assignment["target.operation"] for row in run.trials()} == {"insert", "select"}
