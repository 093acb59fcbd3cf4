"""Values and rules of deployments: pure, no I/O."""
