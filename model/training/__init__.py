"""Making a network: recipes, the training run, and what it ships."""
