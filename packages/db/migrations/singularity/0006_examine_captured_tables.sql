-- Another result, and a parameter more.
DROP FUNCTION IF EXISTS "public"."publish_for_capture"(text[], text[]);
