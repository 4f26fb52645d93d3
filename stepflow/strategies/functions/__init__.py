"""Functions of expressions and templates."""
