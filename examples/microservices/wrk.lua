-- A new order with each request: wrk -s examples/microservices/wrk.lua URL
local number = 0
local thread = 0

function setup(each)
  each:set("offset", thread * 10000000)
  thread = thread + 1
end

function request()
  number = number + 1
  local path = string.format("/orders/order-%08d", offset + number % 10000000)
  local body = '{"customer":"c1","lines":[{"sku":"stocked-1","pieces":2},{"sku":"stocked-2","pieces":1}]}'
  return wrk.format("PUT", path, { ["Content-Type"] = "application/json" }, body)
end
