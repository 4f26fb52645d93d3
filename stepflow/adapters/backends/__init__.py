"""Backends are models."""
