"""The languages that authors write inside YAML strings: patterns, expressions, templates, grammars, paths.

One file per notation. Each compiles its text once, says where a mistake stands, and bounds what the text can cost.
"""
