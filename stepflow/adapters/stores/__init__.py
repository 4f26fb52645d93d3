"""Stores keep records: text by key, with a log beside it."""
