"""The study on MRI and clinic on one machine: federation, baselines, report, release."""
