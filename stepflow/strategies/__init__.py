"""Pure plugs, one file each. Leaves: they never import each other; only the catalog imports them."""
