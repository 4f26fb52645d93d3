"""Which rules have an id is found in the texts of files, without reading their YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepflow.config.references import rule_ids, rules_called

KIND = "stepflow: 1\nkind: rule\n"


@pytest.mark.parametrize(
    "text",
    [
        f"id: sums\n{KIND}",
        f"{KIND}id: sums",
        f"{KIND}id:  'sums'  # of numbers\nmatch: x\n",
        f'{KIND}id: "sums"\r\nmatch: x\r\n',
        f"{KIND}title: id:\nid: sums\n",
    ],
)
def test_a_rule_is_found_by_its_id(text: str, tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    assert rules_called("sums", tmp_path) == [str(file)]
    assert rules_called("sums", tmp_path, but=str(file)) == []
    assert "sums" in rule_ids(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        f"{KIND}  id: sums\n",
        f"{KIND}grid: sums\n",
        f"{KIND}id: sums-of-two\n",
        f"{KIND}id: 'sums\n",
        f"# id: sums\n{KIND}",
    ],
)
def test_an_id_stands_alone_at_the_start_of_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    assert rules_called("sums", tmp_path) == []
