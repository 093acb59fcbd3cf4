"""One module per thing a person can do: its text form, its modal, its buttons."""
