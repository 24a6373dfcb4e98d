"""What looks at the square: networks whose answers have names."""
