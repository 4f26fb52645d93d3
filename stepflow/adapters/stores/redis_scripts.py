"""What has to happen in one piece on a Redis server, in its own language (Lua), where nothing can come in between.

Beside its values (`PREFIX:value:KEY`) a store has: `PREFIX:last`, the id given out last; `PREFIX:written`, all keys in
the order of writing; `PREFIX:log:NAMESPACE`, the log as a stream; `PREFIX:hash:NAMESPACE:s|g:HASH`, the keys with a
skeleton or signature, by id; `PREFIX:entry:KEY`, where a key stands among those; `PREFIX:lease:KEY`, its owner.
"""

from __future__ import annotations

WRITE = """
-- ARGV: prefix, milliseconds to keep (0: for ever), number of values, key, value, ...,
-- and then either nothing or: op, key, namespace, skeleton, signature, vector. Returns the last id given out.
local prefix, keep, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function at(...) return table.concat({prefix, ...}, ':') end

-- A key of ours that another client has made something else counts as lost; a log that took an id too large does too.
local function call(command, name, ...)
  local answer = redis.pcall(command, name, ...)
  local said = type(answer) == 'table' and answer.err
  if not said then return answer end
  if string.find(said, 'WRONGTYPE') or string.find(said, 'smaller than') or string.find(said, 'exhausted') then
    redis.call('DEL', name)
  end
  return redis.call(command, name, ...)
end

-- Ids are the server's microseconds, so that they go on growing when its data are lost; and they grow also when its
-- clock is set back. Lua is exact up to 2^53, which is in the year 2255.
local function tick()
  local last = tonumber(call('GET', at('last')) or 0) or 0
  if not (last < 2^53) then last = 0 end
  local id = math.max(last + 1, now)
  redis.call('SET', at('last'), string.format('%.0f', id))
  return id
end

-- What several records share lives as long as the longest-lived of them.
local function outlive(name, existed)
  local left = existed and redis.call('PTTL', name) or 0
  if keep == 0 then
    redis.call('PERSIST', name)
  elseif left >= 0 and left < keep then
    redis.call('PEXPIRE', name, keep)
  end
end

local function gone(key) return redis.call('EXISTS', at('value', key)) == 0 end

local function place(namespace, kind, hash, key, id)
  local name = at('hash', namespace, kind, hash)
  local existed = redis.call('EXISTS', name) == 1
  call('ZADD', name, id, key)
  outlive(name, existed)
end

local function displace(key, namespace, skeleton, signature)
  call('ZREM', at('hash', namespace, 's', skeleton), key)
  call('ZREM', at('hash', namespace, 'g', signature), key)
end

local id
for i = 4, 3 + 2 * count, 2 do
  local key, value = ARGV[i], ARGV[i + 1]
  if keep > 0 then
    redis.call('SET', at('value', key), value, 'PX', keep)
  else
    redis.call('SET', at('value', key), value)
  end
  id = tick()
  call('ZADD', at('written'), string.format('%.0f', id), key)
end
-- Two of the oldest for each new one: what has expired never piles up, and no write pays for many.
for _, key in ipairs(redis.call('ZRANGE', at('written'), 0, 1)) do
  if gone(key) then redis.call('ZREM', at('written'), key) end
end

local first = 4 + 2 * count
if ARGV[first] then
  local op, key, namespace, skeleton, signature, vector = unpack(ARGV, first, first + 5)
  id = tick()
  local number = string.format('%.0f', id)
  local was = call('HMGET', at('entry', key), 'n', 's', 'g')
  if was[1] then displace(key, was[1], was[2], was[3]) end
  if op == '+' then
    redis.call('HSET', at('entry', key), 'n', namespace, 's', skeleton, 'g', signature)
    if keep > 0 then redis.call('PEXPIRE', at('entry', key), keep) else redis.call('PERSIST', at('entry', key)) end
    place(namespace, 's', skeleton, key, number)
    place(namespace, 'g', signature, key, number)
  else
    redis.call('DEL', at('entry', key))
  end
  local log = at('log', namespace)
  local existed = redis.call('EXISTS', log) == 1
  call('XADD', log, number .. '-0', 'o', op, 'k', key, 's', skeleton, 'g', signature, 'v', vector)
  outlive(log, existed)
  for _, old in ipairs(keep > 0 and redis.call('XRANGE', log, '-', '+', 'COUNT', 2) or {}) do
    local fields = old[2]
    if tonumber(string.match(old[1], '^%d+')) < now - keep * 1000 and gone(fields[4]) then
      redis.call('XDEL', log, old[1])
      displace(fields[4], namespace, fields[6], fields[8])
    end
  end
end
return id and string.format('%.0f', id)
"""

FOLLOW = """
-- ARGV: prefix, key, prefix of the key that its value leads to. Returns the value, and the one that it leads to.
local function get(key)
  local value = redis.pcall('GET', ARGV[1] .. ':value:' .. key)
  return type(value) == 'string' and value or nil
end
local value = get(ARGV[2])
local leads = value and string.match(value, '^%["([^"\\\\]+)","')
return {value, leads and get(ARGV[3] .. leads)}
"""

FORGET = """
-- ARGV: prefix, keys ... Takes those whose values are gone out of the list of keys; how many there were.
local count = 0
for i = 2, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. ':value:' .. ARGV[i]) == 0 then
    count = count + redis.call('ZREM', ARGV[1] .. ':written', ARGV[i])
  end
end
return count
"""

ACQUIRE = """
-- KEYS: the lease. ARGV: owner, milliseconds. Returns whose it is now.
-- What another client has put there, and what outlives any lease of ours, binds nobody.
local owner, left = redis.pcall('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
local held = type(owner) == 'string' and left >= 0 and left <= 10 * tonumber(ARGV[2])
if held and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""

RELEASE = """
-- KEYS: the lease. ARGV: owner.
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
