    {"port",    OPTION_NUMBER},
    {"secret_door", OPTION_TEXT},
