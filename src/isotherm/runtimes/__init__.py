"""Who strings the rooms together: the embedded runtime (one process), and the server that both runtimes stand behind."""
