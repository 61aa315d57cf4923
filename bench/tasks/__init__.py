"""What durable tasks cost, and what they survive."""
