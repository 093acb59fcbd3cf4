"""On a process's path, this folder lets its machine sleep: see `sitecustomize`."""
