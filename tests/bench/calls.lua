-- wrk script: calls of the distributor API, each with an Idempotency-Key of its own.
--
--   wrk … -s calls.lua URL -- MODE RUN TARGETS
--
-- MODE: one_go, or begin_finish. RUN: a name that no other run has. TARGETS: a file of lines
-- "API key, blank, code of a line", taken in turn.

local mode, run, host
local targets = {}
local number, turn = 0, 0
local begun = {}

function init(args)
  mode, run = args[1], args[2]
  host = wrk.host .. ":" .. wrk.port
  for line in io.lines(args[3]) do
    local key, code = line:match("^(%S+) (%S+)$")
    targets[#targets + 1] = { key = key, code = code }
  end
end

-- By hand, since wrk.format costs several times as much, of the processors that are measured.
local function post(path, key, body, idempotency_key)
  local own = idempotency_key and "Idempotency-Key: " .. idempotency_key .. "\r\n" or ""
  return "POST " .. path .. " HTTP/1.1\r\nHost: " .. host
    .. "\r\nContent-Type: application/json\r\nAuthorization: Bearer " .. key
    .. "\r\n" .. own .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

local LINES = '"status":"succeeded","lines":[{"unit":"call","quantity":1}]}'

function request()
  local call = table.remove(begun)
  if call then
    return post("/pipeline_dist/v1/calls/finish", call.key,
      '{"call_no":"' .. call.call_no .. '",' .. LINES)
  end
  turn = turn % #targets + 1
  number = number + 1
  local target = targets[turn]
  local body = '{"pipeline":"' .. target.code .. '"'
  if mode == "one_go" then
    body = body .. "," .. LINES
  else
    body = body .. "}"
  end
  return post("/pipeline_dist/v1/calls", target.key, body, run .. "-" .. number)
end

-- Only where answers matter: with a response function wrk hands every one of them to Lua.
local function note_begun(status, headers, body)
  if status == 201 then
    local call_no = body:match('"call_no":"(%x+)"')
    local key = key_of(body)
    begun[#begun + 1] = { call_no = call_no, key = key }
  end
end

function key_of(body)
  if #targets == 1 then return targets[1].key end
  local code = body:match('"pipeline":"([^"]+)"')
  if not codes then
    codes = {}
    for _, target in ipairs(targets) do codes[target.code] = target.key end
  end
  return codes[code]
end

-- wrk looks for `response` when the script is loaded, before init has its arguments.
if os.getenv("CALLS_MODE") == "begin_finish" then response = note_begun end
