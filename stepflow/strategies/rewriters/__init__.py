"""Rewriters propose another text for a failing step, without a model; verification decides."""
