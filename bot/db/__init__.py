"""Storage: models, sessions, claims, encryption."""
