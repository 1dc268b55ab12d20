"""What every API view is built from."""
