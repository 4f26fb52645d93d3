"""Segmenters cut an answer into steps that rejoin to the identical text."""
