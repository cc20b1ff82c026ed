"""The HTTP door: route tables over storage's actions, the web client's files, and jobs."""
