"""Indexes find the nearest vectors."""
