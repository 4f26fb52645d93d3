"""Compile time, second half: descriptions to a frozen Plan. The only place that builds grammars, patterns and templates."""
