"""History: what a canvas was at any moment, what changed between two, and the way back."""
