"""Judges of served answers that share no code with rules or engine: strict, and of their own mind."""
