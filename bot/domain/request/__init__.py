"""What people ask for: drafts, what their texts mean, and the rules that make them valid."""
