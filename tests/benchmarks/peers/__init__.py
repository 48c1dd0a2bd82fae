"""The competitors, one file each; a worker process imports only its own."""
