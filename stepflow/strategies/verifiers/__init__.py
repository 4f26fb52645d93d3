"""Verifiers decide whether a step or an answer is right."""
