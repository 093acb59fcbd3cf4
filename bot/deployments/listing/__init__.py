"""What there is: a target's endpoints, also those made elsewhere, and how each stands."""
