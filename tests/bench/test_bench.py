from __future__ import annotations

import json
from html.parser import HTMLParser
from io import StringIO

import pytest
from click.testing import CliRunner
from rich.console import Console

from stepflow.adapters.backends.simulated import Speed
from stepflow.bench.figures import quantile, summaries
from stepflow.bench.report import page
from stepflow.bench.runner import Row, Simulation, run
from stepflow.bench.terminal import show
from stepflow.bench.workloads.files import read_workload
from stepflow.cli.main import cli
from stepflow.errors import BackendError, ScriptExhausted, UsageError

REQUESTS = [
    ("Capital of France?", "base", False, "France: Paris.", "Paris", True),
    ("Name the capital of France.", "reworded", False, "France: Paris.", "Paris", False),
    ("Capital of Spain?", "country_changed", True, "Spain: Madrid.", "Madrid", False),
    ("Say <b>hi</b>", "other", False, "Hi.", "Ho", False),
]


@pytest.fixture
def requests(tmp_path):
    path = tmp_path / "requests.jsonl"
    lines = [
        {
            "prompt": prompt, "kind": kind, "changes": changes, "base": REQUESTS[0][0], "warm_up": warm_up,
            "check": {"equals": right}, "right": [right], "wrong": [wrong],
        }
        for prompt, kind, changes, right, wrong, warm_up in REQUESTS
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


def measured(pipeline, requests, correctness=1.0, names=("none", "small")):
    simulation = Simulation(correctness, Speed(2.0, 100.0))
    return run([read_workload(requests, 1)], dict.fromkeys(names, pipeline), simulation)


def by(rows, name):
    return {row.prompt: row for row in rows if row.pipeline == name}


def test_each_request_goes_through_every_pipeline_and_the_time_of_the_model_is_counted(pipeline, requests):
    rows = measured(pipeline, requests)
    none, small = by(rows, "none"), by(rows, "small")
    assert list(none) == list(small) == [prompt for prompt, *_ in REQUESTS]
    assert all(row.seconds >= 2 and row.calls == 1 for row in none.values())
    shares = [row.share for row in small.values()]
    assert shares == ["generated", "reuse", "patch", "passthrough"]
    assert small["Name the capital of France."].seconds < 1
    assert all(row.correct for row in rows)


def test_what_a_fallback_wrote_and_the_reuse_of_it_are_kept_apart(pipeline, requests):
    rows = by(measured(pipeline, requests, correctness=0.0), "small")
    assert rows["Capital of France?"].share == "fallback"
    assert rows["Name the capital of France."].share == "reuse of a fallback"
    assert rows["Capital of France?"].calls == 2
    assert not rows["Capital of France?"].correct


def test_stores_are_new_for_every_run(pipeline, requests, tmp_path):
    first, second = measured(pipeline, requests), measured(pipeline, requests)
    assert [row.outcome for row in first] == [row.outcome for row in second]
    assert not (tmp_path / "store").exists()


def test_who_comes_first_takes_turns(pipeline, requests):
    rows = measured(pipeline, requests, names=("a", "b"))
    firsts = [row.pipeline for row in rows[::2]]
    assert firsts == ["a", "b", "a", "b"]


def test_a_simulated_model_without_replies_ends_the_benchmark_with_a_reason(pipeline, tmp_path):
    path = tmp_path / "bare.jsonl"
    path.write_text('{"prompt": "Capital of France?"}')
    with pytest.raises(ScriptExhausted, match="right"):
        measured(pipeline, str(path))


def row(**changes):
    plain = Row(
        "default", 1, 0, False, "t", "wording", "low", "base", False, "p", "a", "reuse", "verified", "model", "", 0.1,
        10, 20, 0, 1, True, "",
    )  # fmt: skip
    return Row(**{**{name: getattr(plain, name) for name in plain.__slots__}, **changes})


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, "reuse"),
        ({"outcome": "rewrite"}, "rewrite"),
        ({"final": "fallback"}, "reuse of a fallback"),
        ({"outcome": "exact", "final": "fallback"}, "reuse of a fallback"),
        ({"outcome": "miss"}, "generated"),
        ({"outcome": "skip_reuse", "final": "fallback"}, "fallback"),
        ({"outcome": "miss", "final": "unverified"}, "unverified"),
        ({"outcome": "passthrough", "final": "unverified"}, "passthrough"),
        ({"error": "empty"}, "error"),
    ],
)
def test_every_request_has_one_share(changes, share):
    assert row(**changes).share == share


def test_wrong_answers_are_counted_where_they_were_served_as_right():
    rows = [
        row(correct=False, calls=0),
        row(correct=False, outcome="miss", calls=1),
        row(correct=False, outcome="miss", final="unverified", calls=3),
        row(correct=None),
    ]
    total = summaries(rows)[0].total
    assert (total.judged, total.correct, total.wrong, total.wrong_reuse, total.unverified) == (3, 0, 2, 1, 1)


def test_a_changed_variant_counts_only_when_its_base_was_usable_and_something_of_it_could_be_kept():
    bases = [
        row(prompt="good", warm_up=True, outcome="miss"),
        row(prompt="bad", warm_up=True, outcome="miss", final="fallback"),
    ]
    variants = [
        row(base="good", changes=True, outcome="rewrite"),
        row(base="good", changes=True, outcome="patch", calls=1),
        row(base="good", changes=True, outcome="reuse", final="fallback"),
        row(base="bad", changes=True, outcome="rewrite"),
        row(base="good", changes=True, outcome="rewrite", wants_reuse=False),
        row(base="good", changes=False),
    ]
    changed = summaries([*bases, *variants])[0].changed
    assert (changed.requests, changed.free) == (3, 1)


def test_ratios_are_shares_of_what_the_model_alone_takes():
    rows = [
        row(pipeline="none", outcome="passthrough", final="unverified", seconds=2.0, calls=1),
        row(seconds=0.5, prompt_tokens=0, completion_tokens=15, calls=0),
    ]
    none, default = summaries(rows)
    assert (none.name, default.speedup["mean"], default.speedup["tokens"]) == ("none", 0.25, 0.5)


PATCHED = [
    row(pipeline="none", prompt="a", outcome="passthrough", final="unverified", calls=1, completion_tokens=50),
    row(pipeline="none", prompt="b", outcome="passthrough", final="unverified", calls=1, completion_tokens=40),
    row(pipeline="none", prompt="c", outcome="passthrough", final="unverified", calls=1, correct=False),
    row(prompt="a", kind="key_added", outcome="patch", calls=1, completion_tokens=10, patched=1),
    row(prompt="b", kind="key_added", outcome="patch", calls=1, completion_tokens=16, patched=1),
    row(prompt="b", kind="key_added", outcome="patch", calls=1, completion_tokens=36, patched=2),
    row(prompt="b", kind="key_added", outcome="patch", calls=2, completion_tokens=99, patched=1),
    row(prompt="c", kind="key_added", outcome="patch", calls=1, completion_tokens=99, patched=1),
    row(prompt="a", kind="key_added", outcome="rewrite"),
]


def test_a_patch_is_compared_with_a_full_answer_to_the_same_request():
    _, default = summaries(PATCHED)
    found = [(each.kind, each.steps, each.patches, each.mean, each.highest) for each in default.patches]
    assert found == [
        ("t: key added", "1 step", 2, pytest.approx(0.3), 0.4),
        ("t: key added", "2 steps", 1, 0.9, 0.9),
    ]
    assert default.plain()["patches"][0]["patches"] == 2


def test_what_patches_cost_is_told_on_the_terminal_and_in_the_report():
    found = summaries(PATCHED)
    console = Console(record=True, width=120, file=StringIO())
    show(console, found, PATCHED)
    told = " ".join(console.export_text().split())
    assert "default t: key added 1 step 2 30.0 % 40.0 %" in told
    assert "<td>30.0 %</td><td>40.0 %</td>" in page({}, found, PATCHED)


@pytest.mark.parametrize(("level", "value"), [(0.5, 5), (0.9, 9), (0.95, 10), (0.99, 10), (0.0, 1)])
def test_a_quantile_is_a_value_that_occurred(level, value):
    assert quantile([float(number) for number in range(1, 11)], level) == value


class References(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.found += [value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset")]


def test_the_report_needs_nothing_from_elsewhere_and_escapes_what_it_shows(pipeline, requests):
    rows = measured(pipeline, requests, correctness=0.0)
    text = page({"mix": "a <mix>"}, summaries(rows), rows)
    seen = References()
    seen.feed(text)
    assert not seen.found
    assert not {"script", "link", "img", "iframe", "mix", "b-injected"} & set(seen.tags)
    assert not any(word in text for word in ("http://", "https://", "url(", "@import"))
    assert seen.tags.count("svg") > 10
    assert "answers served as right are wrong" in text


def test_the_command_writes_figures_and_report_and_says_that_all_is_right(pipeline, requests, tmp_path):
    result = CliRunner().invoke(
        cli,
        ["bench", "-p", "none", "-p", pipeline, "--mix", requests, "--seeds", "1", "--correctness", "1", "--json",
         "b.json", "--html", "b.html"],
        standalone_mode=False,
    )  # fmt: skip
    assert (result.exception, result.return_value) == (None, 0)
    data = json.loads((tmp_path / "b.json").read_text())
    assert [each["name"] for each in data["pipelines"]] == ["none", "small"]
    assert len(data["rows"]) == 8
    assert (tmp_path / "b.html").read_text().startswith("<!doctype html>")


def test_the_command_fails_when_an_answer_served_as_right_is_wrong(pipeline, requests):
    arguments = ["-p", pipeline, "--mix", requests, "--seeds", "1", "--correctness", "0"]
    assert CliRunner().invoke(cli, ["bench", *arguments], standalone_mode=False).return_value == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--mix", "nosuch"], "no mix"), (["--seeds", "a"], "whole numbers"), (["-p", "nosuch"], "no pipeline")],
)
def test_the_command_says_what_is_wrong_with_its_options(arguments, said):
    result = CliRunner().invoke(cli, ["bench", *arguments], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


@pytest.mark.parametrize(("error", "counts"), [("TimedOut", True), ("ConnectionRefused", False)])
def test_a_request_that_times_out_counts_as_an_error_and_an_unreachable_model_ends_all(
    pipeline, tmp_path, error, counts
):
    (tmp_path / "failing.yaml").write_text(
        "stepflow: 1\nkind: pipeline\nid: failing\nrules: [city.yaml]\n"
        f"backend: {{type: scripted, replies: [{{error: {error}}}], cycle: true}}\ntrace: {{keep: 0}}\n"
    )
    path = tmp_path / "one.jsonl"
    path.write_text('{"prompt": "Capital of France?", "check": {"equals": "Paris"}}')
    if not counts:
        with pytest.raises(BackendError):
            run([read_workload(str(path), 1)], {"failing": "failing.yaml"})
        return
    (only,) = run([read_workload(str(path), 1)], {"failing": "failing.yaml"})
    assert (only.share, only.correct) == ("error", False)


def test_a_report_names_the_model_that_the_pipelines_name(pipeline, requests, tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(
        (tmp_path / "small.yaml").read_text().replace("replies: []", "replies: ['France: Paris.'], cycle: true")
    )
    arguments = ["-p", pipeline, "--mix", requests, "--seeds", "1", "--backend", "pipeline", "--json", "b.json"]
    CliRunner().invoke(cli, ["bench", *arguments], standalone_mode=False)
    assert json.loads((tmp_path / "b.json").read_text())["facts"]["model"] == "scripted"
