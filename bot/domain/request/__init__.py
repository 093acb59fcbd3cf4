"""Deploy requests: drafts, their parsing, and validation rules."""
