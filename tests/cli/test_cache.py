from __future__ import annotations

import pytest


def test_figures_by_rule_and_origin(project) -> None:
    project("run", "Add 1 and 2")
    said = project("cache", "stats")
    assert said.code == 0
    figures = dict(line.split(maxsplit=1) for line in said.out.splitlines() if len(line.split()) == 2)
    assert figures["records"] == "1"
    assert "by rule      sums 1\n" in said.out
    assert "by origin    model 1\n" in said.out
    assert "size limit   1 GiB\n" in said.out
    told = project("cache", "stats", "--json").json
    assert (told["records"], told["size_limit"], told["by_rule"]) == (1, 1 << 30, {"sums": 1})


def test_records_are_listed_and_shown(project) -> None:
    record = project("run", "Add 1 and 2", "--json").json["record"]
    assert project("cache", "show").out.split() == [record, "sums", "model", "Add", "1", "and", "2"]
    page = project("cache", "show", record[:-1])
    assert page.code == 0
    assert "prompt    Add 1 and 2\n" in page.out
    assert "step 1    3\n" in page.out
    assert project("cache", "show", record, "--json").json["constraints"] == {"numbers": [1, 2]}
    assert project("cache", "show", "--json").json["id"] == record


def test_a_deleted_record_is_never_served_again(project) -> None:
    record = project("run", "Add 1 and 2", "--json").json["record"]
    project("run", "What is the sum of 1 and 2?")
    said = project("cache", "delete", record, record[:-1])
    assert (said.code, said.out) == (0, f"deleted {record}\n")
    for prompt in ("Add 1 and 2", "What is the sum of 1 and 2?", "The sum of 1 and 2, please"):
        assert project("run", prompt, "--no-model").code == 3
    assert project("cache", "check").code == 0


def test_an_ambiguous_beginning_names_examples(project) -> None:
    project.replies("3", "3")
    project("run", "Add 1 and 2")
    project("run", "Add 1 and 2", "--tenant", "b")
    for command in ("show", "delete"):
        said = project("cache", command, "1")
        assert said.code == 2
        assert "2 records begin with '1'" in said.err
    assert project("cache", "stats", "--json").json["records"] == 2


def test_prune_counts_what_goes(project) -> None:
    project("run", "Add 1 and 2")
    assert project("cache", "prune").out == "0 expired rows removed\n"
    assert project("cache", "prune", "--all").out.startswith("1 record deleted\n")
    assert project("cache", "stats", "--json").json["records"] == 0


def test_check_tells_what_is_damaged(project) -> None:
    from stepflow.adapters.stores.disk import DiskStore

    project("run", "Add 1 and 2")
    assert project("cache", "check").err == "sound\n"
    store = DiskStore(".stepflow/cache")
    store.put("record:damaged", '{"id": "other"}')
    store.close()
    said = project("cache", "check")
    assert said.code == 1
    assert "record damaged counts as absent" in said.out
    assert said.err == "1 finding\n"


@pytest.mark.parametrize("command", ["stats", "show", "check", "prune"])
def test_asking_about_a_store_that_is_not_there_does_not_make_one(project, command) -> None:
    said = project("cache", command)
    assert said.code == 0
    assert said.err.startswith("nothing is stored yet: there is no folder .stepflow/cache\n")
    assert not (project.folder / ".stepflow").exists()


@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_record_that_is_not_there_is_not_found(project, command) -> None:
    said = project("cache", command, "abc")
    assert said.code == 2
    assert "there is no record 'abc'" in said.err


def test_a_store_in_memory_cannot_be_looked_into(project) -> None:
    text = (project.folder / "pipelines/default.yaml").read_text()
    project.write("pipelines/default.yaml", text + "store: {type: memory}\n")
    said = project("cache", "stats")
    assert (said.code, "keeps its records in memory" in said.err) == (2, True)


def test_broken_rules_do_not_hide_the_store(project) -> None:
    project("run", "Add 1 and 2")
    project.write("rules/sums.yaml", "nothing: [\n")
    assert project("cache", "stats", "--json").json["records"] == 1


def test_a_folder_that_is_no_store_is_refused(project) -> None:
    project.write(".stepflow/cache/letter.txt", "dear")
    said = project("cache", "stats")
    assert said.code == 2
    assert said.err.startswith("stepflow: ")
    assert "Traceback" not in said.err


def test_records_are_deleted_by_rule_and_by_tenant(project) -> None:
    project.replies("3", "3", "3")
    for tenant in ("", "anna", "bert"):
        project("run", "Add 1 and 2", "--tenant", tenant)
    assert project("cache", "delete", "--rule", "nobody").out == "0 records deleted\n"
    assert project("cache", "delete", "--rule", "sums", "--tenant", "anna").out == "1 record deleted\n"
    assert project("run", "Add 1 and 2", "--tenant", "anna", "--no-model").code == 3
    assert project("run", "Add 1 and 2", "--tenant", "bert", "--no-model").out == "3\n"
    assert project("cache", "delete", "--tenant", "").out == "1 record deleted\n"
    assert project("cache", "delete", "--rule", "sums").out == "1 record deleted\n"


@pytest.mark.parametrize("arguments", [(), ("abc", "--rule", "sums"), ("abc", "--tenant", "")])
def test_what_to_delete_is_said_in_one_way(project, arguments) -> None:
    said = project("cache", "delete", *arguments)
    assert said.code == 2
    assert "by their ids, or by --rule and --tenant" in said.err
