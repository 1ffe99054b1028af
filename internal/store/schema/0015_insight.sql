-- What happened, by whom and by what it was done to, newest last.
CREATE INDEX events_registry ON events (account, region, id);
CREATE INDEX events_resource ON events (resource, id);
