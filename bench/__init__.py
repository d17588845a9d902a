"""How fast and how small: one module per question, figures as ratios measured in one run."""
