static void does_this(void) {}
