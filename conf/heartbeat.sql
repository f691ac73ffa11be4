-- SPDX-License-Identifier: Apache-2.0
--
-- The heartbeat table, and events by which an applier tells the relay what it has applied.
-- For MySQL 5.7 and later, NDB Cluster, and MariaDB 10.6 and later:
--
--     mysql < heartbeat.sql
--
-- Run it on each applier: a server that replicates from the relay, or whatever server writes
-- there. It may be run again; what is there stays as it is. The database and the table are logged
-- as usual, so that this server's own replicas have them. The events are not: one that comes with
-- a binlog is disabled, and says what was meant for another server. The statements below use two
-- numbers that belong to the installation:
--
--     199                    the server_id of the source cluster, as binrelay.json has it
--     @@GLOBAL.server_id     this server's own, by which the relay knows the applier
--
-- The rows that the events write reach the relay by one of two ways:
--
--   * this server's own cluster is pulled by the relay, too: then the row stands in its binlog.
--     It must be logged as a row (binlog_format=ROW, the default of MySQL; events of MariaDB
--     with MIXED are logged as rows where they must be, ROW is safer);
--   * the relay polls this server ("heartbeat": {"poll": [...]}). For that an account is enough:
--         GRANT SELECT ON heartbeat.heartbeat TO 'relay'@'10.%';
--         GRANT SELECT ON mysql.ndb_apply_status TO 'relay'@'10.%';   -- NDB
--     A server that is polled needs no event for NDB: the relay reads mysql.ndb_apply_status.
--
-- What runs events must be on (event_scheduler=ON, the default of MySQL 8; MariaDB's is OFF), and
-- the server must not be super_read_only.

CREATE DATABASE IF NOT EXISTS heartbeat;

CREATE TABLE IF NOT EXISTS heartbeat.heartbeat (
  server_id INT UNSIGNED NOT NULL PRIMARY KEY,
  counter BIGINT UNSIGNED NOT NULL DEFAULT 0,
  applied_epoch BIGINT UNSIGNED NULL,
  source_cluster INT UNSIGNED NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);

-- A table of the older form, with server_id, counter and updated_at only, shows that an applier
-- lives and not what it has applied. This brings it to the form above; everything that writes
-- the older form by the names of its columns goes on as it is:
--
--     ALTER TABLE heartbeat.heartbeat
--       ADD COLUMN applied_epoch BIGINT UNSIGNED NULL AFTER counter,
--       ADD COLUMN source_cluster INT UNSIGNED NULL AFTER applied_epoch;

SET @log_bin_before = @@SESSION.sql_log_bin;
SET SESSION sql_log_bin = 0; -- the events are this server's own

-- ---- a source cluster with "epochs": "heartbeat" ----
--
-- The source's own row is replicated: its counter, here, is the last epoch that was applied.
-- Nothing is written before the first of them has come.

CREATE EVENT IF NOT EXISTS heartbeat.report_heartbeat
  ON SCHEDULE EVERY 1 SECOND
  COMMENT 'tells the relay what was applied of cluster 199'
  DO
    INSERT INTO heartbeat.heartbeat (server_id, counter, applied_epoch, source_cluster)
      SELECT * FROM (
        SELECT @@GLOBAL.server_id AS applier, 1 AS beat, counter AS applied, server_id AS cluster
          FROM heartbeat.heartbeat
         WHERE server_id = 199) AS seen
      ON DUPLICATE KEY UPDATE
        heartbeat.counter = heartbeat.counter + 1,
        heartbeat.applied_epoch = seen.applied,
        heartbeat.source_cluster = seen.cluster;

-- ---- a source cluster with "epochs": "ndb" ----
--
-- The applier of NDB keeps what it has applied in mysql.ndb_apply_status: a row for the source
-- cluster's identity at the relay (with "identity": "virtual"), or for each of its binlog servers
-- (with "upstream": name them all). The event is off, as most servers have no such table:
--
--     SET SESSION sql_log_bin = 0; -- as replicas of this server do not have the events
--     ALTER EVENT heartbeat.report_ndb ENABLE;
--     ALTER EVENT heartbeat.report_heartbeat DISABLE;

CREATE EVENT IF NOT EXISTS heartbeat.report_ndb
  ON SCHEDULE EVERY 1 SECOND
  DISABLE
  COMMENT 'tells the relay what was applied of cluster 199'
  DO
    INSERT INTO heartbeat.heartbeat (server_id, counter, applied_epoch, source_cluster)
      SELECT * FROM (
        SELECT @@GLOBAL.server_id AS applier, 1 AS beat, MAX(epoch) AS applied, 199 AS cluster
          FROM mysql.ndb_apply_status
         WHERE server_id IN (199)
        HAVING MAX(epoch) IS NOT NULL) AS seen
      ON DUPLICATE KEY UPDATE
        heartbeat.counter = heartbeat.counter + 1,
        heartbeat.applied_epoch = seen.applied,
        heartbeat.source_cluster = seen.cluster;

SET SESSION sql_log_bin = @log_bin_before;

-- An event that came from a source before this script was run, with an older one, is there and
-- never runs (its STATUS is REPLICA_SIDE_DISABLED or SLAVESIDE_DISABLED):
--
--     SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'heartbeat';
--     SET SESSION sql_log_bin = 0;
--     DROP EVENT heartbeat.report_heartbeat;  -- and report_ndb; then run this again
--
-- An applier of several clusters has one row, as the table has one key: one event for one
-- cluster. Let the relay poll it for the others.
