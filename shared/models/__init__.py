"""The networks; torch and nothing else."""
