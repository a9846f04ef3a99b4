"""Wake-ups. Each reads the clock and calls one service; none carries a truth."""
