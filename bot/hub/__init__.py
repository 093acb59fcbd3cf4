"""The Hugging Face Hub: which models there are."""
