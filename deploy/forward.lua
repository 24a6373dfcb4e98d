-- The test PACS's routing rule: what is stored goes on to Osteon, but not what came from there.
function OnStoredInstance(instance, tags, metadata, origin)
  if origin['RemoteAet'] ~= 'OSTEON' then
    SendToModality(instance, 'osteon')
  end
end
