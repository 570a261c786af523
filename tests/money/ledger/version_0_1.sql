-- Three requests, as the ledger and the budgets of lc-asym-router 0.1.0 wrote them: `sqlite3 FILE .dump`.
BEGIN TRANSACTION;
CREATE TABLE asym_budgets (
	"key" VARCHAR(240) NOT NULL, 
	spent BIGINT NOT NULL, 
	changed_at DOUBLE NOT NULL, ends_at DOUBLE, 
	PRIMARY KEY ("key")
);
INSERT INTO "asym_budgets" VALUES('day|day|usd|2026-11-28',1411660,1.79585882436513137819e+09,1795910400.0);
INSERT INTO "asym_budgets" VALUES('thread|thread|calls|one',5,1.79585882394234323498e+09,NULL);
INSERT INTO "asym_budgets" VALUES('thread|thread|calls|two',1,1.79585882436513137819e+09,NULL);
CREATE TABLE asym_calls (
	request_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	tier VARCHAR(120), 
	model VARCHAR(240), 
	passed BOOLEAN, 
	"check" VARCHAR(240), 
	score DOUBLE, 
	input_tokens INTEGER, 
	output_tokens INTEGER, 
	cached_tokens INTEGER, 
	cache_write_tokens INTEGER, 
	reasoning_tokens INTEGER, 
	usage_estimated BOOLEAN NOT NULL, 
	cost_usd DOUBLE, 
	seconds DOUBLE, 
	error VARCHAR(120), 
	reason TEXT, 
	PRIMARY KEY (request_id, number), 
	FOREIGN KEY(request_id) REFERENCES asym_requests (id) ON DELETE CASCADE
);
INSERT INTO "asym_calls" VALUES('ea1a7062d4eb4cb1a35e361dce54aa6a',1,'answer','small','small-model',0,'Agreement',0.0,100,10,0,0,0,0,5.79999999999999952572e-06,1.18010516998765524476e-01,NULL,NULL);
INSERT INTO "asym_calls" VALUES('ea1a7062d4eb4cb1a35e361dce54aa6a',2,'answer','frontier','frontier-model',NULL,NULL,NULL,200,20,0,0,0,0,0.0007,2.4050753800111124292e-01,NULL,NULL);
INSERT INTO "asym_calls" VALUES('ea1a7062d4eb4cb1a35e361dce54aa6a',3,'verify',NULL,'small-model',NULL,NULL,NULL,100,0,0,0,0,0,5.0e-06,1.31828131001384463161e-01,NULL,NULL);
INSERT INTO "asym_calls" VALUES('7a717b9926fb42f1af52e58b9e04356b',1,'answer','small','small-model',1,'NotEmpty & CutOff & Refusal & Looping & ValidToolCalls & ValidStructure & Arithmetic & GroundedArguments & RepeatedCalls & Agreement',1.0,7,1,0,0,0,0,4.30000000000000065286e-07,4.99192789939115755259e-02,NULL,NULL);
INSERT INTO "asym_calls" VALUES('7a717b9926fb42f1af52e58b9e04356b',2,'verify',NULL,'small-model',NULL,NULL,NULL,7,1,0,0,0,0,4.30000000000000065286e-07,1.13498054000956472009e-01,NULL,NULL);
INSERT INTO "asym_calls" VALUES('bd168590c3414a9b8c637e5740315ff6',1,'answer','frontier','frontier-model',NULL,NULL,NULL,200,20,0,0,0,0,0.0007,8.20434859997476451098e-02,NULL,NULL);
CREATE TABLE asym_requests (
	id VARCHAR(32) NOT NULL, 
	run_id VARCHAR(64), 
	time DATETIME NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	error VARCHAR(120), 
	tier VARCHAR(120), 
	model VARCHAR(240), 
	escalated BOOLEAN NOT NULL, 
	decided_tier VARCHAR(120), 
	complexity DOUBLE, 
	threshold DOUBLE, 
	confidence DOUBLE, 
	classifier VARCHAR(240), 
	attempts INTEGER NOT NULL, 
	cost_usd DOUBLE, 
	frontier_cost_usd DOUBLE, 
	saved_usd DOUBLE, 
	seconds DOUBLE NOT NULL, 
	thread_id VARCHAR(240), 
	reason TEXT, 
	prompt TEXT, 
	answer TEXT, vouched VARCHAR(16), 
	PRIMARY KEY (id)
);
INSERT INTO "asym_requests" VALUES('ea1a7062d4eb4cb1a35e361dce54aa6a','01a22186-ec69-77ac-8951-47cca28249c2','2026-11-28 09:40:23.097622','answered',NULL,'frontier','frontier-model',1,'small',0.0,0.5,0.0,'keyword',2,0.0007108,0.0007,-1.08000000000000456745e-05,2.80522322654724121093e+00,'one',NULL,NULL,NULL,'frontier');
INSERT INTO "asym_requests" VALUES('7a717b9926fb42f1af52e58b9e04356b','01a22186-f7ce-73aa-bae7-4ac686ad24fb','2026-11-28 09:40:24.037414','answered',NULL,'small','small-model',0,'small',0.0,0.5,0.0,'keyword',1,8.60000000000000130572e-07,2.75e-05,2.66400000000000024367e-05,9.06307935714721679687e-01,'one',NULL,NULL,NULL,'sample');
INSERT INTO "asym_requests" VALUES('bd168590c3414a9b8c637e5740315ff6','01a22186-fb7a-768c-aaf1-5b8e2b80023b','2026-11-28 09:40:24.417499','answered',NULL,'frontier','frontier-model',0,'frontier',1.0,0.5,1.0,'keyword',1,0.0007,0.0007,0.0,2.91043519973754882812e-01,'two',NULL,NULL,NULL,'frontier');
CREATE TABLE asym_reservations (
	id VARCHAR(80) NOT NULL, 
	"key" VARCHAR(240) NOT NULL, 
	amount BIGINT NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	holder VARCHAR(120) NOT NULL, 
	PRIMARY KEY (id, "key")
);
CREATE TABLE asym_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT asym_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "asym_schema_version" VALUES('0004');
CREATE TABLE asym_tags (
	request_id VARCHAR(32) NOT NULL, 
	tag VARCHAR(240) NOT NULL, 
	PRIMARY KEY (request_id, tag), 
	FOREIGN KEY(request_id) REFERENCES asym_requests (id) ON DELETE CASCADE
);
INSERT INTO "asym_tags" VALUES('ea1a7062d4eb4cb1a35e361dce54aa6a','a');
INSERT INTO "asym_tags" VALUES('7a717b9926fb42f1af52e58b9e04356b','a');
INSERT INTO "asym_tags" VALUES('7a717b9926fb42f1af52e58b9e04356b','b');
INSERT INTO "asym_tags" VALUES('bd168590c3414a9b8c637e5740315ff6','b');
CREATE INDEX asym_requests_time ON asym_requests (time);
CREATE INDEX asym_requests_thread ON asym_requests (thread_id);
CREATE INDEX asym_requests_run ON asym_requests (run_id);
CREATE INDEX asym_tags_tag ON asym_tags (tag);
CREATE INDEX asym_reservations_key ON asym_reservations ("key");
CREATE INDEX asym_budgets_ends ON asym_budgets (ends_at);
COMMIT;
