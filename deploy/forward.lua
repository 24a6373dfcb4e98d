-- The PACS's routing rule: each radiograph goes on to Osteon as soon as it is stored.
-- Other objects do not, and nothing does that came from Osteon: results must not go in circles.

local RADIOGRAPHS = { CR = true, DX = true, XA = true, RF = true }

function OnStoredInstance(instance, tags, metadata, origin)
  if RADIOGRAPHS[tags['Modality']] and origin['RemoteAet'] ~= 'OSTEON' then
    SendToModality(instance, 'osteon')
  end
end
