-- For wrk: sends POST requests with the body in $BODY as JSON. `{n}` in it becomes 1 to $USERS in turn, so
-- that requests at the same time are of different users.
local body, users, number = os.getenv("BODY"), tonumber(os.getenv("USERS") or "1"), 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
    number = number % users + 1
    return wrk.format(nil, nil, nil, (body:gsub("{n}", number)))
end
