"""Load generators: processes of their own, plain and fast, that say how busy they were."""
