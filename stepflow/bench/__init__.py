"""Measure what a pipeline saves and whether it stays right: workloads, checkers, runner, figures, reports; and replay.

The one package that speaks of tasks: its workloads and checkers know linear equations and JSON objects. It shares no
code with the rules or with what reads prompts and answers for them, so that it can contradict them.
"""
