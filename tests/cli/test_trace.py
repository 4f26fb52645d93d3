from __future__ import annotations


def test_the_newest_run_is_told(project) -> None:
    project("run", "Add 1 and 2")
    project("run", "Add 10 and 20", "--no-model")
    project("run", "What is the sum of 1 and 2?")
    said = project("trace")
    assert said.code == 0
    assert "prompt    What is the sum of 1 and 2?" in said.out
    assert "outcome   reuse · verified" in said.out
    assert "[rules/sums.yaml:9]" in said.out
    assert "answer\n  3\n" in said.out


def test_a_trace_is_found_by_the_beginning_of_its_id(project) -> None:
    first = project("run", "Add 1 and 2", "--json").json["trace"]
    project("run", "Add 1 and 2")
    assert project("trace", first[:-1]).out.startswith(f"trace {first}\n")
    said = project("trace", first[:2])
    assert (said.code, said.err.startswith("stepflow: 2 traces begin with")) == (2, True)
    said = project("trace", "nope")
    assert said.code == 2
    assert "no trace begins with 'nope'" in said.err


def test_traces_are_listed_newest_first(project) -> None:
    project("run", "Add 1 and 2")
    project("run", "Add\n1 and 2")
    listed = project("trace", "--list").out.splitlines()
    assert [line.split(maxsplit=2)[1:] for line in listed] == [["reuse", "Add 1 and 2"], ["miss", "Add 1 and 2"]]


def test_a_list_fits_the_terminal(project, monkeypatch) -> None:
    project("run", "Add " + "1 and " * 30 + "2", "--no-model")
    monkeypatch.setenv("COLUMNS", "60")
    (line,) = project("trace", "--list").out.splitlines()
    assert len(line) <= 60
    assert line.endswith("…")


def test_json_holds_the_whole_journal(project) -> None:
    project("run", "Add 1 and 2")
    told = project("trace", "--json").json
    assert told["outcome"] == "miss"
    assert {"extract", "generate", "verify", "record"} <= {event["stage"] for event in told["journal"]}


def test_a_failed_run_leaves_its_story_too(project) -> None:
    project("run", "Add 1 and 2", "--no-model")
    said = project("trace")
    assert "error     this prompt needs a model call" in said.out
    assert "sums owns the prompt" in said.out
    assert project("trace", "--list").out.split()[1] == "error"


def test_without_traces_it_says_where_they_come_from(project) -> None:
    said = project("trace")
    assert (said.code, said.err) == (
        2,
        "stepflow: there are no traces in .stepflow/traces; `stepflow run` writes one\n",
    )
    said = project("trace", "--list")
    assert (said.code, said.out) == (0, "")
    assert said.err == "there are no traces in .stepflow/traces; `stepflow run` writes one\n"


def test_a_damaged_trace_is_told_and_left_out_of_the_list(project) -> None:
    project("run", "Add 1 and 2")
    for name, text in (("zzz.json", "{"), ("zzy.json", "{}"), ("zzx.json", "[]")):
        project.write(f".stepflow/traces/{name}", text)
    assert project("trace").code == 2
    assert "zzz.json cannot be read" in project("trace").err
    assert len(project("trace", "--list").out.splitlines()) == 1
