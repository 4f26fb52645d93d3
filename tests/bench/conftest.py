"""A pipeline of one small rule, so that no test depends on what ships."""

from __future__ import annotations

import pytest

RULE = """
stepflow: 1
kind: rule
id: city
match: [{type: regex, pattern: '(?i)capital of'}]
constraints:
  country: {type: regex, pattern: '(?i)capital of (?P<value>[A-Z][a-z]+)'}
verify:
  - {id: names-country, type: contains, values_from: country}
  - {id: ends, type: regex, pattern: '\\.\\s*$'}
reuse: {guard: none}
patch: {scope: whole, prompt: 'Again: {{ prompt }}', max_calls: 1}
repair: {max_attempts: 1, prompt: 'No: {{ failures }}'}
fallback: {type: template, text: '{{ country }} has a capital.'}
"""
PIPELINE = """
stepflow: 1
kind: pipeline
id: small
rules: [city.yaml]
backend: {type: scripted, replies: []}
store: {type: diskcache, path: store}
trace: {keep: 0}
"""


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """The path of the pipeline's file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "city.yaml").write_text(RULE)
    (tmp_path / "small.yaml").write_text(PIPELINE)
    return str(tmp_path / "small.yaml")
