from __future__ import annotations


def rule(project, tests: str) -> None:
    text = (project.folder / "rules/sums.yaml").read_text().split("tests:")[0]
    project.write("rules/sums.yaml", text + "tests:\n" + tests)


def test_passing_tests_are_counted_and_named_when_asked(project) -> None:
    said = project("test")
    assert (said.code, said.out) == (0, "2 passed, 0 failed\n")
    assert project("test", "-v", "rules/sums.yaml").out == (
        "✓ rules/sums.yaml:14  a right answer is kept\n"
        "✓ rules/sums.yaml:18  other prompts are not ours\n"
        "2 passed, 0 failed\n"
    )


def test_a_failing_test_says_what_came_out_instead_and_why(project) -> None:
    rule(project, "  - {name: wrong, prompt: Add 1 and 2, model: ['4', '5'], expect: {final: verified, calls: 1}}\n")
    said = project("test")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0] == "✗ rules/sums.yaml:14  wrong"
    assert lines[1:3] == ["    final: expected 'verified', got 'unverified'", "    calls: expected 1, got 2"]
    assert lines[3:5] == ["    because", "        exact: exactly this request has no stored answer"]
    assert lines[-1] == "0 passed, 1 failed"


def test_outputs_are_compared_as_a_diff(project) -> None:
    rule(project, '  - {name: wrong, prompt: Add 1 and 2, model: ["a\\n3"], expect: {output: "b\\n3"}}\n')
    said = project("test")
    assert "    output differs:\n" in said.out
    assert "-b" in said.out
    assert "+a" in said.out


def test_an_unplanned_call_or_an_unused_reply_fails(project) -> None:
    rule(
        project,
        "  - {name: no reply, prompt: Add 1 and 2, expect: {outcome: miss}}\n"
        "  - {name: too many, prompt: Add 1 and 2, model: ['3', '3'], expect: {outcome: miss}}\n",
    )
    said = project("test")
    assert said.code == 1
    assert "a model call that the test does not plan" in said.out
    assert "1 of the model's replies was not used" in said.out
    assert said.out.endswith("0 passed, 2 failed\n")


def test_a_known_gap_is_told_and_does_not_fail(project) -> None:
    rule(
        project,
        "  - {name: gap, todo: true, prompt: Add 1 and 2, expect: {matched: false}}\n"
        "  - {name: closed, todo: true, prompt: Add 1 and 2, expect: {matched: true}}\n",
    )
    said = project("test")
    assert said.code == 0
    assert "… rules/sums.yaml:14  gap: a known gap\n" in said.out
    assert "closed: passes now, so `todo: true` can go\n" in said.out
    assert said.out.endswith("0 passed, 0 failed, 2 to do\n")


def test_tests_are_chosen_by_a_part_of_their_name_or_file(project) -> None:
    assert project("test", "-k", "RIGHT answer").out == "1 passed, 0 failed\n"
    assert project("test", "-k", "sums.yaml").out == "2 passed, 0 failed\n"
    said = project("test", "-k", "nothing like it")
    assert (said.code, said.err) == (2, "stepflow: no test found with 'nothing like it' in file or name\n")


def test_zero_tests_are_not_a_success(project) -> None:
    rule(project, "  []\n")
    assert project("test").code == 2


def test_an_invalid_file_is_told_and_the_others_are_run(project) -> None:
    project.write("rules/a.yaml", "stepflow: 1\nkind: rule\nid: a\nmatch: [json]\nverify: [json]\n")
    said = project("test", "rules")
    assert said.code == 2
    assert said.out == "2 passed, 0 failed\n"
    assert "rules/a.yaml:4:9: error[unknown-type]" in said.err


def test_turns_of_a_pipeline_share_a_store(project) -> None:
    text = (project.folder / "pipelines/default.yaml").read_text()
    turns = (
        "tests:\n  - name: asked twice\n    turns:\n"
        "      - {prompt: Add 1 and 2, model: ['3'], expect: {outcome: miss}}\n"
        "      - {prompt: Add 1 and 2, expect: {outcome: exact, calls: 0, rule: sums}}\n"
    )
    project.write("pipelines/default.yaml", text + turns)
    assert project("test", "pipelines").out == "1 passed, 0 failed\n"
