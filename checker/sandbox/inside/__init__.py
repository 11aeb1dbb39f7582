"""Locking oneself in: `entry.enter(policy)`, in a process of one thread, before untrusted code runs."""
