"""The Hugging Face Hub: which models there are, and what they say of themselves."""
