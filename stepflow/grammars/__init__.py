"""Grammars that any rule can take: `grammars: {amount: {from: number}}`, or in a grammar `%import number.NUMBER`."""
