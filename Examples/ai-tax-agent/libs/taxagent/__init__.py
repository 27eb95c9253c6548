"""What the services of the tax agent share."""
