"""Agents at work: what the loop adds to its provider's time, and what people notice of many agents."""
