-- Tags of buckets are kept as a JSON object, for conditions of policies ask for them: no longer as
-- the XML that clients get. No character that either would have to escape is allowed in a tag.

UPDATE bucket_settings
SET document = '{' || rtrim(
    replace(replace(replace(
        substr(document, instr(document, '<TagSet>') + 8,
               instr(document, '</TagSet>') - instr(document, '<TagSet>') - 8),
        '<Tag><Key>', '"'), '</Key><Value>', '":"'), '</Value></Tag>', '",'), ',') || '}'
WHERE name = 'tagging' AND document LIKE '<%';
