"""What there is to write in a file: component pages, JSON Schemas and diagnostics, drawn from the components."""
