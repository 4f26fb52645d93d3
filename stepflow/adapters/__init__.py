"""Plugs that touch the world. Leaves: they never import each other; only the catalog imports them."""
