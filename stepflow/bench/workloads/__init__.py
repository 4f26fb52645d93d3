"""Workloads: the paper's two tasks with their perturbations, mixes of them, and files of the user's."""
