from __future__ import annotations

import re

import pytest


def test_the_answer_alone_goes_to_stdout_and_one_line_of_account_to_stderr(project) -> None:
    said = project("run", "Add 1 and 2")
    assert (said.code, said.out) == (0, "3\n")
    assert re.fullmatch(
        r"miss · verified · sums · steps 0 kept, 0 patched · 1 call, \d+ tokens · \d+ ms · trace \w+\n", said.err
    )


def test_asked_again_it_is_exact_and_reworded_it_is_reused_without_a_call(project) -> None:
    project("run", "Add 1 and 2")
    assert project("run", "Add 1 and 2").err.startswith("exact · verified · sums · steps 1 kept, 0 patched · 0 calls,")
    assert project("run", "What is the sum of 1 and 2?").err.startswith("reuse · verified · sums · steps 1 kept")


def test_a_prompt_comes_from_stdin(project, stdin) -> None:
    for arguments in (["-"], []):
        stdin("Add 1 and 2\n")
        assert project("run", *arguments).out == "3\n"


def test_json_holds_answer_and_account(project) -> None:
    said = project("run", "Add 1 and 2", "--json").json
    assert said["answer"] == "3"
    assert said["constraints"] == {"numbers": [1, 2]}
    assert {
        "outcome": "miss",
        "final": "verified",
        "origin": "model",
        "rule": "sums",
        "calls": 1,
    }.items() <= said.items()


def test_an_unverified_answer_is_served_and_flagged(project) -> None:
    said = project("run", "Add 10 and 12")
    assert (said.code, said.out) == (1, "30\n")
    assert said.err.startswith("miss · unverified · sums")
    assert project("cache", "stats", "--json").json["records"] == 0


def test_an_unverified_answer_says_which_check_it_fails(project) -> None:
    said = project("run", "Add 10 and 12").err.splitlines()
    assert said[1:] == [
        "the answer: right fails: answer.value == sum(numbers) is false: 30 is not 22   [rules/sums.yaml:9]"
    ]


def test_what_no_rule_owns_is_passed_through(project) -> None:
    said = project("run", "What is the time?")
    assert (said.code, said.out) == (0, "3\n")
    assert said.err.startswith("passthrough · unverified · no rule owns this prompt · ")


def test_a_rule_that_matched_and_declined_says_why_on_a_line_of_its_own(
    project,
) -> None:
    said = project("run", "Add the numbers")
    assert said.err.splitlines()[1:] == [
        "sums declines: constraint numbers: not found in the prompt   [rules/sums.yaml:6]"
    ]
    trace = project("trace").out
    assert "extract   sums declines: constraint numbers: not found in the prompt   [rules/sums.yaml:6]\n" in trace
    assert "            left over: Add the numbers\n" in trace


def test_a_refused_candidate_says_which_words_differ_on_a_line_of_its_own(project) -> None:
    rule = (project.folder / "rules/sums.yaml").read_text(encoding="utf-8")
    project.write("rules/sums.yaml", rule.replace("guard: none", "guard: same_words"))
    project.replies("3", "3")
    project("run", "Add 1 and 2")
    said = project("run", "Sum up 1 and 2 slowly").err.splitlines()
    assert "skipped for same_words" in said[0]
    assert re.fullmatch(
        r"candidate \w+ is refused: same_words "
        r"\(only this prompt says 'sum', 'up', 'slowly'; only the stored one says 'add'\)   \[rules/sums.yaml:10\]",
        said[1],
    )


def test_a_forced_rule_that_declines_is_not_fine(project) -> None:
    assert project("run", "What is the time?", "--rule", "sums").code == 1


def test_without_a_model_only_stored_answers_are_served(project) -> None:
    said = project("run", "Add 1 and 2", "--no-model")
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        "stepflow: this prompt needs a model call, and --no-model forbids it: nothing stored answers it verified\n"
    )
    project("run", "Add 1 and 2")
    assert project("run", "Add 1 and 2", "--no-model").code == 0
    assert project("run", "What is the sum of 1 and 2?", "--no-model").out == "3\n"


@pytest.mark.parametrize("circumstance", [("--system", "Be brief."), ("--tenant", "other"), ("--model", "another")])
def test_system_prompt_tenant_and_model_are_part_of_a_requests_identity(project, circumstance) -> None:
    project.replies("3", "3")
    project("run", "Add 1 and 2")
    assert project("run", "Add 1 and 2", "--no-model").code == 0
    assert project("run", "Add 1 and 2", "--no-model", *circumstance).code == 3
    assert project("run", "Add 1 and 2", *circumstance).err.startswith("miss")
    assert project("run", "Add 1 and 2", *circumstance).err.startswith("exact")


def test_another_pipeline_can_be_named(project, monkeypatch) -> None:
    project.write("other.yaml", (project.folder / "pipelines/default.yaml").read_text().replace("../rules", "rules"))
    assert project("run", "-p", "other.yaml", "Add 1 and 2").code == 0
    monkeypatch.setenv("STEPFLOW_PIPELINE", "nowhere.yaml")
    said = project("run", "Add 1 and 2")
    assert (said.code, said.err) == (2, "stepflow: nowhere.yaml: there is no such file\n")


def test_a_broken_file_is_told_with_its_place(project) -> None:
    project.write("rules/broken.yaml", "stepflow: 1\nkind: rule\nid: b\nmatch: [{type: regexp}]\nverify: [json]\n")
    said = project("run", "Add 1 and 2")
    assert (said.code, said.out) == (2, "")
    assert "rules/broken.yaml:4:16: error[unknown-type]: 'regexp' is not a type of condition" in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["", ""], "unexpected extra argument"),
        (["  "], "the prompt is empty"),
        (["a", "--batch", "in.jsonl"], "give either a prompt or --batch, not both"),
        (["a", "-o", "out.jsonl"], "-o says where the answers of --batch go"),
        (["a", "--rule", "nope"], "there is no rule 'nope' in pipelines/default.yaml; there are: sums"),
        (["-3 add"], "stands behind '--'"),
        (["a\udcff"], "the user message is not UTF-8 text: character 2 is none"),
        (["--batch", "in.jsonl"], "say where the answers go: -o OUT.jsonl"),
    ],
)
def test_a_wrong_call_is_told_in_a_sentence(project, arguments, sentence) -> None:
    said = project("run", *arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence.lower() in said.err.lower()
    assert "Traceback" not in said.err


def test_a_prompt_may_begin_with_a_minus(project) -> None:
    assert project("run", "--", "-add 1 and 2").out == "3\n"


@pytest.mark.parametrize(
    ("raw", "sentence"), [(b"Add \xff", "what stdin holds is not UTF-8 text (byte 5)"), (b"\n", "the prompt is empty")]
)
def test_stdin_that_holds_no_prompt_is_refused(project, stdin, raw, sentence) -> None:
    stdin(raw)
    said = project("run", "-")
    assert (said.code, said.err) == (2, f"stepflow: {sentence}\n")


def test_a_closed_stdin_is_no_prompt(project, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert project("run").code == 2


# --- the backend fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({"error": "MissingApiKey", "text": "openai/m needs a key: set OPENAI_API_KEY"}, "needs a key"),
        ({"error": "ConnectionRefused", "text": "nothing answers at http://127.0.0.1:1"}, "nothing answers"),
        ({"error": "RateLimited", "text": "openai/m takes no more requests for now"}, "no more requests"),
        ({"error": "TimedOut", "text": "no answer within 60 s"}, "no answer within"),
        ({"text": ""}, "the model replied with no text"),
        ({"text": "1", "finish_reason": "length"}, "the model stopped at its token limit"),
    ],
)
@pytest.mark.parametrize("prompt", ["Add 1 and 2", "What is the time?"])
def test_a_failing_backend_is_told_and_leaves_nothing_in_the_store(project, reply, sentence, prompt) -> None:
    project.replies(reply, reply, reply)
    said = project("run", prompt)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("stepflow: ")
    assert sentence in said.err
    assert project("cache", "stats", "--json").json["records"] == 0
    assert project("cache", "check").code == 0
    told = project("trace")
    assert sentence in told.out


def test_an_error_instead_of_an_unverified_answer(project) -> None:
    text = (project.folder / "pipelines/default.yaml").read_text()
    project.write("pipelines/default.yaml", text + "on_unverified: error\n")
    said = project("run", "Add 10 and 12")
    assert (said.code, said.out) == (1, "")
    assert "no answer passed the verifiers of rule sums" in said.err


def test_a_shadowed_run_prints_the_models_answer_and_says_what_would_have_come(project) -> None:
    project("run", "Add 1 and 2")
    said = project("run", "Add 1 and 2", "--shadow")
    assert (said.code, said.out) == (0, "3\n")
    assert re.match(r"passthrough · unverified · shadow of exact · .* · 1 call, ", said.err)
    assert "served would have been: exact" in project("trace").out
    said = project("run", "Add 10 and 20", "--shadow", "--json")
    assert (said.json["answer"], said.json["shadow"]) == ("3", "model")


def test_a_shadow_needs_a_model(project) -> None:
    said = project("run", "Add 1 and 2", "--shadow", "--no-model")
    assert (said.code, said.out) == (2, "")
    assert "leave one out" in said.err
