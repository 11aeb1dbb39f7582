"""Runs in the kernel's own process, and locks it in before untrusted code runs. Start with `entry`."""
