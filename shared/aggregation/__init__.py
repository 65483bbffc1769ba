"""Combining what sites send; numpy and nothing else."""
