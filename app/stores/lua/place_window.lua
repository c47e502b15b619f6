-- Places the window of an entity over what is stored, unless that is as new or newer.
-- KEYS  1 window
-- ARGV  1 generation, 2 version: the position of the window
--       3 content: opaque bytes; empty places a tombstone, which tells readers to rebuild
--       4 claim under which the content is known to be exact; under another it is not stored,
--         and a tombstone takes its place
--       5 lifetime in milliseconds
-- Stored as "<generation> <version> <claim> <content>". The claim stays as long as the key.
-- Returns "stored" | "invalidated" (a tombstone was placed) | "kept" (already at this position)
--       | "outdated" (stored is newer) | "refused" (stored has a newer generation)
--       | "missing" (nothing is stored, and it stays so)
local stored = redis.call('GET', KEYS[1])
if not stored then return 'missing' end

local generation, version, content = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local stored_generation, stored_version, claim, start =
  string.match(stored, '^(%d+) (%d+) (%x+) ()')
stored_generation, stored_version = tonumber(stored_generation), tonumber(stored_version)

if claim ~= ARGV[4] then content = '' end
if stored_generation > generation then return 'refused' end
if stored_generation == generation then
  if stored_version > version then return 'outdated' end
  if stored_version == version and (content == '' or start <= #stored) then return 'kept' end
end

local placed = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. claim .. ' ' .. content
redis.call('SET', KEYS[1], placed, 'PX', ARGV[5])
return content == '' and 'invalidated' or 'stored'
