-- The orders that images are looked through in, so that a page costs the same at
-- any depth.
CREATE INDEX manifests_pushed ON manifests (repository_id, pushed_at, digest);
CREATE INDEX manifests_size ON manifests (repository_id, image_size, digest);
CREATE INDEX pulls_at ON pulls (repository_id, pulled_at, digest);
