-- Stores fast weights, unless the entity has moved to a newer generation (erased or merged).
-- KEYS  1 window, 2 fast weights
-- ARGV  1 generation, 2 content: opaque bytes, 3 lifetime in milliseconds
-- Returns "stored" | "refused"
local stored = redis.call('GETRANGE', KEYS[1], 0, 20)
local generation = string.match(stored, '^(%d+) ')
if generation and tonumber(generation) > tonumber(ARGV[1]) then return 'refused' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'stored'
