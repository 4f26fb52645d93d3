"""The codes of diagnostics, and what each means to an author. They are stable: editors and CI may rely on them."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "syntax": "The file is not well-formed YAML. The message says what the reader stumbled over and how to write it.",
    "encoding": "The file is not UTF-8 text. Save it as UTF-8.",
    "control-character": "An invisible character stands in the file, often pasted from a web page or a document.",
    "directive": "YAML directives (`%YAML`, `%TAG`) are not part of the language.",
    "tag": "YAML tags (`!!str`, `!include`) are not part of the language. Quotes make a text of any value.",
    "merge-key": "Merge keys (`<<`) are not part of the language: what a file says must be readable where it stands.",
    "duplicate-key": "The same key stands twice in one map. YAML would silently keep one of them.",
    "second-document": "A file holds one rule or one pipeline. Move what follows `---` to a file of its own.",
    "unknown-anchor": "An alias (`*name`) refers to an anchor (`&name`) that does not stand above it.",
    "recursive-alias": "An alias stands inside what it refers to.",
    "too-many-aliases": "The aliases of the file stand for more than any rule could need.",
    "too-deep": "The file is nested deeper than any rule could need.",
    "file-too-large": "The file is larger than any rule could need. Split it.",
    "number-too-large": "The number has more digits than are read. Put it in quotes when it is meant as text.",
    "unset-variable": "A pipeline names an environment variable that is not set and has no default.",
    "newer-version": "The file is written for a later version of the language than this stepflow knows.",
    "wrong-kind": "A rule stands where a pipeline is wanted, or the other way round.",
    "nothing-found": "A file or pattern under `rules:` matches nothing. Paths are relative to the pipeline's file.",
    "unknown-key": "There is no such key here. It is a typing mistake, or the key belongs somewhere else.",
    "missing-key": "A key that must be there is not.",
    "empty-value": "A key stands there without a value.",
    "wrong-type": "The value is of another type than wanted. A text is not a number: `'3'` is not `3`.",
    "bad-value": "The value is of the right type, but not one that is allowed.",
    "unknown-type": "There is no component of this name. `stepflow list` shows those that there are.",
    "unknown-name": "An expression, template or reference names something, or a member, that does not exist here.",
    "forward-reference": "A `let` value uses one that is made later. Order them so that each uses only those above.",
    "let-cycle": "`let` values need each other in a circle, so that none of them can be made first.",
    "duplicate-name": "The name is taken already, so that an expression could mean either.",
    "extends-cycle": "Rules extend each other in a circle, or a rule extends itself.",
    "bad-table": "The CSV file of a table is not well formed: its rows do not fit its header, or a key stands twice.",
    "duplicate-id": "Two rules of a pipeline, or two verifiers of a rule, have the same `id`.",
    "bad-regex": "The regular expression is not well formed. The caret shows where.",
    "bad-expression": "The expression is not well formed, or uses what the expression language does not have.",
    "bad-template": "The template is not well formed. The caret shows where.",
    "bad-jsonpath": "The JSONPath is not well formed. The caret shows where.",
    "bad-grammar": "The grammar is not well formed, or cannot be parsed without guessing (it is not LALR).",
    "ambiguous-grammar": "A text can be read in two ways by this grammar. It takes the longer one, which may not be "
    "the one that was meant. Only `stepflow lint` looks for this.",
    "not-streamable": "With `stream: steps` each step is sent as soon as it is verified. So where it ends, and what "
    "makes it right, must be known before the rest is written.",
    "no-rules": "A pipeline without rules passes every prompt to the model as it is: nothing is verified or reused.",
    "nothing-verifies": "Every verifier is switched off or only warns, so no answer can ever be called verified.",
    "no-constraints": "Without constraints stepflow cannot tell prompts apart, so only the identical prompt is reused.",
    "unguarded-constraint": "Nothing checks this constraint, so an answer that is wrong in it would pass. "
    "stepflow therefore never reuses an answer between different prompts of this rule.",
    "no-output-verifier": "Every verifier looks at single steps. An answer that stops half-way would pass.",
    "repair-without-fallback": "When every repair fails, the model's wrong answer is served, flagged as unverified.",
    "slow-regex": "The pattern repeats what repeats itself, so that some texts can be read in very many ways. It was "
    "tried, and took too long. When that happens in a run, the pattern is stopped and counts as failed.",
    "unreachable-rule": "A rule that is asked before this one owns every prompt that this one matches.",
    "no-failing-test": "A test in which everything goes well shows nothing of what the rule is for: refusing.",
    "orphan-tests": "A file of tests (`<id>.tests.yaml`) stands beside no rule with that id.",
    "no-tests": "The rule has no tests, so nobody knows whether it does what its author thinks.",
}
