-- Places the window of an entity, unless what is stored is as new or newer.
-- KEYS  1 window
-- ARGV  1 generation, 2 version: the position of the window
--       3 content: opaque bytes; empty places a tombstone, which tells readers to rebuild
--       4 lifetime in milliseconds
--       5 "1": only over a key that exists (a rebuild lost its claim when Redis lost its memory)
-- Stored as "<generation> <version> <content>".
-- Returns "stored" | "invalidated" (a tombstone was placed) | "kept" (already at this position)
--       | "outdated" (stored is newer) | "refused" (stored has a newer generation) | "unclaimed"
local stored = redis.call('GET', KEYS[1])
local generation, version, content = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

if stored then
  local stored_generation, stored_version, start = string.match(stored, '^(%d+) (%d+) ()')
  stored_generation, stored_version = tonumber(stored_generation), tonumber(stored_version)
  if stored_generation > generation then return 'refused' end
  if stored_generation == generation then
    if stored_version > version then return 'outdated' end
    if stored_version == version and (content == '' or start <= #stored) then return 'kept' end
  end
elseif ARGV[5] == '1' then
  return 'unclaimed'
end

redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. content, 'PX', ARGV[4])
return content == '' and 'invalidated' or 'stored'
