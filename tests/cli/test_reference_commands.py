"""`stepflow list`, `describe` and `schema`: everything that can be named, and how it is written."""

import json
import re
from pathlib import Path

import pytest

from stepflow.authoring import new_rule
from stepflow.catalog import registry
from stepflow.cli.main import run
from stepflow.config.schema import VerifyCommon
from stepflow.notation import RegexText
from stepflow.options import Options
from stepflow.reference import markdown, schemas
from stepflow.reference.components import ABOUT, find, names, page, parameters, type_words
from stepflow.reference.terminal import describe
from stepflow.registry import KINDS

EVERY = [(kind, name) for kind in ABOUT for name in names(registry(), kind)]


def said(capsys, *words, code=0):
    """What a command prints on stdout and stderr, when it ends with the code."""
    assert run(list(words)) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


# --- list -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_component_is_listed(capsys):
    out = said(capsys, "list")
    for kind in (*KINDS, "function"):
        assert f"{kind}s {ABOUT[kind]}" in out


@pytest.mark.parametrize("kind", ABOUT)
def test_a_kind_lists_each_name_with_what_it_does_on_one_line(kind, capsys):
    lines = said(capsys, "list", kind).splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(names(registry(), kind))
    assert all(re.fullmatch(r"  \S+ +\S.{5,}", line) and len(line) <= 100 for line in lines)


def test_help_of_list_names_every_kind(capsys):
    listed = " ".join(said(capsys, "list", "--help").split())
    assert f"Kinds: {', '.join(ABOUT)}." in listed


@pytest.mark.parametrize(("wanted", "hint"), [("verifiers", "'verifier'"), ("nonsense", "kinds: reader,")])
def test_an_unknown_kind_gets_a_suggestion(wanted, hint, capsys):
    assert hint in said(capsys, "list", wanted, code=2)


# --- describe -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda part: part)
def test_every_component_has_a_page_that_says_what_it_does_and_explains_every_key(kind, name):
    known = page(registry(), kind, name)
    assert known.summary
    assert known.summary[0].isupper() or not known.summary[0].isalpha()
    assert all(key.description and key.type for _, keys in known.groups for key in keys)


@pytest.mark.parametrize(
    ("kind", "name"),
    [part for part in EVERY if part[0] not in {"function", "name", "rule", "embedder", "store"}],
    ids=lambda part: part,
)
def test_a_page_shows_every_parameter_of_the_component(kind, name):
    plug = registry().get(kind, name)
    own = [info.alias or key for key, info in plug.Options.model_fields.items()] if hasattr(plug, "Options") else []
    shown = [key.name for title, keys in page(registry(), kind, name).groups if "Parameters" in title for key in keys]
    assert shown == own


@pytest.mark.parametrize("kind", ["reader", "segmenter", "verifier", "rewriter", "condition", "backend", "converter"])
def test_a_component_s_page_holds_an_example(kind):
    for name in names(registry(), kind):
        text = page(registry(), kind, name).text
        assert re.search(r"(?m)^(    |```yaml)", text), f"{kind}/{name} has no example"


@pytest.mark.parametrize("kind", ["reader", "segmenter", "verifier", "rewriter", "condition", "converter", "store"])
def test_every_example_of_a_reference_page_is_fenced_so_that_it_is_tested(kind):
    made = markdown.pages(registry())[f"{kind}s.md"]
    for section in made.split("\n## `")[1:]:
        name = section.partition("`")[0]
        assert "```yaml\n" in section, f"{kind}/{name} has no fenced example"
        outside = re.sub(r"(?ms)^```.*?^```", "", section)
        assert not re.search(r"(?m)^ {4}\S|^\w+: *[{\[]", outside), f"{kind}/{name} has an example that is not fenced"


def test_a_verifier_s_page_shows_text_parameters_and_the_keys_of_every_verifier(capsys):
    out = said(capsys, "describe", "verifier/jsonpath")
    assert out.startswith("verifier/jsonpath\n")
    assert re.search(r"given +JSONPath, default \$", out)
    assert "Keys of every verifier" in out
    assert "patch · append · drop · repair · skip_reuse · fallback · warn, default patch" in out


def test_a_function_s_page_shows_its_signature_and_examples(capsys):
    out = said(capsys, "describe", "function/round")
    assert "round(value, digits=0)" in out
    assert "round(2.345, 2) == 2.35" in out


def test_a_name_of_the_run_says_where_it_can_be_used_and_what_its_members_are(capsys):
    out = said(capsys, "describe", "name/step")
    assert out.startswith("name/step\n")
    assert "Can be used in `verify: step`, `rewrite`, `patch`." in out
    assert re.search(r"step\.index +whole number", out)


def test_every_shipped_rule_is_listed_and_can_be_copied_by_that_name(capsys):
    files = {path.stem for path in Path("rules").rglob("*.yaml") if ".tests." not in path.name}
    assert set(names(registry(), "rule")) == files
    assert "sql-select" in files
    for name in files:
        assert new_rule("mine", name)


def test_a_shipped_rule_s_page_shows_prompts_of_its_own_and_how_to_copy_it(capsys):
    out = said(capsys, "describe", "rule/sql-select")
    assert re.search(r"Prompts of its:\n    \w", out)
    assert re.search(r"Not its:\n    \w", out)
    assert "stepflow new rule my-sql-select --like sql-select" in out


def test_a_name_alone_is_enough_when_one_kind_has_it(capsys):
    assert said(capsys, "describe", "pass_ratio").startswith("condition/pass_ratio\n")


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("regex", "reader/regex, segmenter/regex, verifier/regex, condition/regex"),
        ("pass_ration", "did you mean 'pass_ratio'?"),
        ("verifier/jsonpth", "did you mean 'jsonpath'?"),
        ("verifer/json", "did you mean 'verifier'?"),
        ("xyzzy", "`stepflow list` shows everything"),
        ("verifier/", "`stepflow list verifier` shows all"),
    ],
)
def test_what_is_ambiguous_or_unknown_is_answered_with_a_way_on(wanted, hint, capsys):
    assert hint in said(capsys, "describe", wanted, code=2)


def test_sizes_and_times_are_shown_as_a_pipeline_writes_them():
    keys = {key.name: key for _, keys in find(registry(), "diskcache").groups for key in keys}
    assert keys["size_limit"].default == "1GiB"
    assert "`60s`" in keys["expire"].type


def test_an_embedder_shows_no_parameters_because_a_pipeline_can_set_none():
    assert page(registry(), "embedder", "hashing").groups == ()


def test_pages_fit_a_terminal():
    for kind, name in EVERY:
        long = [line for line in describe(page(registry(), kind, name)).splitlines() if len(line) > 125]
        assert long == [], f"{kind}/{name}"


class Plug(Options):
    """Options of every kind of type."""

    pattern: RegexText
    patterns: list[RegexText] = []  # noqa: RUF012  # pydantic copies it
    many: list[int] | None = None
    either: str | int = "a"
    table: dict[str, str] = {}  # noqa: RUF012  # pydantic copies it
    flag: bool = True


def test_types_are_told_in_words():
    shown = {key.name: (key.type, key.default, key.required) for key in parameters(Plug)}
    assert shown == {
        "pattern": ("regular expression", "", True),
        "patterns": ("list of: regular expression", "", False),
        "many": ("list of: whole number", "", False),
        "either": ("text or whole number", "a", False),
        "table": ("map of names to: text", "", False),
        "flag": ("true or false", "true", False),
    }


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, "number, at least 0 and at most 1"),
        ({"type": "integer", "exclusiveMinimum": 0}, "whole number, more than 0"),
        ({"enum": ["a", "b"]}, "`a` · `b`"),
        ({"type": ["string", "number"]}, "text or number"),
        ({}, "any value"),
    ],
)
def test_bounds_and_choices_are_told_in_words(part, words):
    assert type_words(part, {}) == words


# --- schema ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rule", "pipeline"])
def test_a_schema_is_printed_as_json(kind, capsys):
    made = json.loads(said(capsys, "schema", kind))
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["properties"]["kind"]["const"] == kind


def test_a_schema_is_written_to_a_file(tmp_path, capsys):
    target = tmp_path / "rule.json"
    assert said(capsys, "schema", "rule", "-o", str(target)) == ""
    assert target.read_text(encoding="utf-8") == schemas.text("rule", registry())


def test_a_schema_that_cannot_be_written_is_a_sentence(tmp_path, capsys):
    assert "cannot be written" in said(capsys, "schema", "rule", "-o", str(tmp_path / "no" / "rule.json"), code=2)


def test_the_schema_offers_each_component_its_own_keys_and_the_engine_s():
    made = schemas.schema("rule", registry())["$defs"]["verifier-length"]
    assert {"type", "unit", "max_from", *VerifyCommon.model_fields} <= set(made["properties"])
    assert made["additionalProperties"] is False


def test_the_schema_s_references_all_lead_somewhere():
    for kind in ("rule", "pipeline"):
        made = schemas.schema(kind, registry())
        targets = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(made)))
        assert targets <= set(made["$defs"])


# --- what others rely on --------------------------------------------------------------------------------------------


def test_every_reader_s_own_converter_is_one_that_a_rule_can_name():
    for name in names(registry(), "reader"):
        assert getattr(registry().get("reader", name), "DEFAULT_CONVERTER", "text") in names(registry(), "converter")


def test_every_command_that_a_message_recommends_exists(capsys):
    """Diagnostics end with `see: stepflow …`; nobody should be sent to a command that fails."""
    pattern = re.compile(r'see=f?"stepflow (list|describe|schema) ([^"]*)"')
    source = Path(__file__).resolve().parents[2] / "stepflow"
    found = {match for path in source.rglob("*.py") for match in pattern.findall(path.read_text(encoding="utf-8"))}
    assert found
    for command, argument in found:
        for kind in KINDS if "{kind}" in argument else [""]:
            name = names(registry(), kind)[0] if kind else ""
            assert run([command, argument.replace("{kind}", kind).replace("{name}", name)]) == 0, (command, argument)
            capsys.readouterr()
