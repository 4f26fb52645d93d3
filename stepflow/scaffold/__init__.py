"""The files that `stepflow init` and `stepflow new` begin with."""
