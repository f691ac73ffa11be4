    {"burn", store_tool_burn, TAKES_JSON, "burn DIR"},
