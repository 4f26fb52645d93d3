"""Converters turn what a reader found into a value: the `as:` of constraints and fields."""
