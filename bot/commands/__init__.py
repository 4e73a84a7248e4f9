"""The commands of the console script, one module each. They read the command line and print; the work is elsewhere."""
