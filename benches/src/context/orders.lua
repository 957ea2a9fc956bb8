-- What wrk sends: orders that are in stock, each of its own number, counted from the argument on.

local number
local body = '{"customer":"c1","lines":[{"sku":"stocked-7","pieces":2}]}'
local headers = { ["Content-Type"] = "application/json" }

function init(args)
   number = tonumber(args[1])
end

function request()
   number = number + 1
   return wrk.format("PUT", string.format("/orders/order-%08d", number), headers, body)
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print(string.format(
      "figures %d %d %f %f %d",
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed
   ))
end
