"""Data: where nets that bring their own input take it from."""
