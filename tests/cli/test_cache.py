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


def test_records_have_the_tags_of_the_pipeline_that_wrote_them_and_are_deleted_and_exported_by_them(project) -> None:
    project.replies("3", "7")
    path = project.folder / "pipelines" / "default.yaml"
    text = path.read_text()
    path.write_text(f"{text}store: {{tags: [trial, trial, r7]}}\n")
    first = project("run", "Add 1 and 2", "--json").json["record"]
    path.write_text(f"{text}store: {{tags: [trial]}}\n")
    assert project("run", "Add 1 and 2", "--json").json["outcome"] == "exact"
    project("run", "Add 3 and 4")
    assert project("cache", "show", first, "--json").json["tags"] == ["trial", "r7"]
    assert "tag       r7\n" in project("cache", "show", first).out
    assert project("cache", "export", "--tag", "trial").out.count("\n") == 2
    assert first in project("cache", "export", "--tag", "r7").out
    assert project("cache", "delete", "--tag", "r").out == "0 records deleted\n"
    assert project("cache", "delete", "--tag", "r7", "--rule", "other").out == "0 records deleted\n"
    assert project("cache", "delete", "--tag", "r7", "--rule", "sums").out == "1 record deleted\n"
    assert project("run", "Add 1 and 2", "--no-model").code == 3
    assert project("cache", "delete", "--tag", "trial").out == "1 record deleted\n"


@pytest.mark.parametrize("arguments", [(), ("abc", "--rule", "sums"), ("abc", "--tenant", ""), ("abc", "--tag", "")])
def test_what_to_delete_is_said_in_one_way(project, arguments) -> None:
    said = project("cache", "delete", *arguments)
    assert said.code == 2
    assert "by their ids, or by --rule, --tenant and --tag" in said.err


def exported(project) -> str:
    """Two records, written to a file; its text. The store is empty afterwards."""
    project.replies("3", "7")
    project("run", "Add 1 and 2")
    project("run", "Add 3 and 4", "--tenant", "b")
    said = project("cache", "export", "records.jsonl")
    assert (said.code, said.out, said.err) == (0, "", "2 records exported\n")
    assert project("cache", "prune", "--all").code == 0
    return (project.folder / "records.jsonl").read_text("ascii")


def test_exported_records_are_reused_where_they_are_imported(project) -> None:
    text = exported(project)
    said = project("cache", "import", "records.jsonl")
    assert (said.code, said.err) == (0, "2 records imported, 0 known already, 0 refused\n")
    assert project("cache", "check").code == 0
    assert project("cache", "export").out == text
    assert project("run", "What is the sum of 1 and 2?", "--no-model").out == "3\n"
    assert project("run", "Add 3 and 4", "--no-model").code == 3  # another tenant's


def test_an_imported_record_is_verified_before_it_answers_its_own_prompt(project) -> None:
    exported(project)
    project("cache", "import", "records.jsonl")
    first = project("run", "Add 1 and 2", "--no-model", "--json").json
    assert (first["outcome"], first["answer"]) == ("reuse", "3")
    assert project("run", "Add 1 and 2", "--no-model", "--json").json["outcome"] == "exact"


def test_what_is_there_already_stays_and_is_not_imported_twice(project) -> None:
    exported(project)
    project("cache", "import", "records.jsonl")
    said = project("cache", "import", "records.jsonl")
    assert (said.code, said.err) == (0, "0 records imported, 2 known already, 0 refused\n")
    assert project("cache", "stats", "--json").json["records"] == 2


def test_altered_lines_are_told_and_left_out_and_the_others_come_in(project) -> None:
    first, second = exported(project).splitlines()
    lines = [first.replace('"3"', '"4"'), "", "{}", second]
    assert lines[0] != first
    (project.folder / "records.jsonl").write_text("\n".join(lines), "ascii")
    said = project("cache", "import", "records.jsonl")
    assert said.code == 1
    assert "records.jsonl:1: the record does not match its checksum: it was damaged or altered\n" in said.out
    assert "records.jsonl:3: this is not a record, or only a part of one\n" in said.out
    assert said.err == "1 record imported, 0 known already, 2 refused\n"


def test_records_of_one_tenant_are_exported_alone(project) -> None:
    exported(project)
    project("cache", "import", "records.jsonl")
    assert project("cache", "export", "--tenant", "b").out.count("\n") == 1
    assert project("cache", "export", "--rule", "no-such-rule").out == ""


def test_an_export_into_a_folder_that_is_not_there_is_refused(project) -> None:
    said = project("cache", "export", "none/records.jsonl")
    assert (said.code, said.out) == (2, "")
    assert "none/records.jsonl cannot be written: there is no folder none\n" in said.err


def test_an_option_of_the_group_behind_its_command_is_sent_to_its_place(project) -> None:
    done = project("cache", "stats", "-p", "pipeline.yaml")
    assert done.code == 2
    assert "It belongs to the command before: stepflow cache -p … stats" in done.err
