"""Compile time, first half: YAML text to checked descriptions, with a position for every key and value."""
