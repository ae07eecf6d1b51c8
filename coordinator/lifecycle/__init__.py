"""What becomes of objects as they age: rules, what they decide, and the worker that does it."""
