"""What review costs: the studio, the page, the model's tokens and the reviewer's keys."""
