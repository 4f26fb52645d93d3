"""Readers find things in a text: for `constraints`, `parse`, `answer` and `match`."""
