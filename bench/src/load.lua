-- For wrk: the requests of a route, and the result as one line, which src/load.rs reads.
--   BODY      the request is a POST with this JSON
--   USERS     `{n}` in the body becomes 1 to USERS in turn, so that requests at the same time are of
--             different users
--   PAUSE_MS  how long each connection waits before its next request
local body, number = os.getenv("BODY"), 0
local users, pause = tonumber(os.getenv("USERS") or ""), tonumber(os.getenv("PAUSE_MS") or "")

if body then
    wrk.method, wrk.body = "POST", body
    wrk.headers["Content-Type"] = "application/json"
end

-- Without these functions, wrk makes the request once and does not call Lua for each.
if users then
    request = function()
        number = number % users + 1
        return wrk.format(nil, nil, nil, (body:gsub("{n}", number)))
    end
end
if pause then
    delay = function() return pause end
end

done = function(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("result requests=%d microseconds=%d p50=%d p99=%d failed=%d\n", summary.requests,
        summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
