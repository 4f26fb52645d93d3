"""stepflow: verified, step-level reuse of language-model answers, declared in YAML."""
