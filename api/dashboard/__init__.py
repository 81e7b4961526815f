"""The review dashboard: pages for people, rendered here, from the same data as everything else."""
