"""Loops, optimisers and seeds of local training."""
