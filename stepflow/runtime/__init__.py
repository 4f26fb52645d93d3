"""Run time: Plan + Request to Outcome. Never sees YAML, never touches the world."""
