CREATE TABLE "centralcloud_locks" (
	"lock_name" text PRIMARY KEY NOT NULL,
	"holder_pid" integer,
	"holder_key" bigint
);
--> statement-breakpoint
INSERT INTO "centralcloud_locks" ("lock_name") VALUES
	('import dead letters'),
	('lead schedules'),
	('make slot'),
	('publish for capture'),
	('register schedules'),
	('update agent knowledge');
