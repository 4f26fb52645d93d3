"""Compile time, second half: descriptions to a frozen Plan. Only here are grammars, patterns and templates built."""
