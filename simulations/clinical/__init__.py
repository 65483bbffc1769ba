"""A clinical cohort's statistics, computed over sites and on the pooled patients, side by side."""
