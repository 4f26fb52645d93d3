"""Conditions decide something about a prompt or a candidate: `match`, `unless`, `skip_when`."""
