"""`python -m bot` is `friendli-deploy`."""

from bot.cli import main

main()
