    {"status",  {NONE}, "One row."},
