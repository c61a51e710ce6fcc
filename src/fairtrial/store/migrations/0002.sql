-- Pruned members, so that counting them costs nothing where there are none.
CREATE INDEX member_pruned ON member (run, retired) WHERE status = 'pruned';
