"""What the documents' figures are made with: speed as ratios, and what is measured on data."""
