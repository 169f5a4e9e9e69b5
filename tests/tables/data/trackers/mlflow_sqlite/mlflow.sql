BEGIN TRANSACTION;
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO "experiments" VALUES(0,'Default','','active',1795654285892,1795654285892,'default');
INSERT INTO "experiments" VALUES(1,'widths','','active',1795654285946,1795654285946,'default');
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('val/acc',0.093333,1795654286355,'b7477ebe0a634d19b74b5bf73bb612b2',10,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795654286388,'b7477ebe0a634d19b74b5bf73bb612b2',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.186667,1795654286427,'b7477ebe0a634d19b74b5bf73bb612b2',20,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795654286465,'b7477ebe0a634d19b74b5bf73bb612b2',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.28,1795654286498,'b7477ebe0a634d19b74b5bf73bb612b2',30,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1795654286532,'b7477ebe0a634d19b74b5bf73bb612b2',29,0);
INSERT INTO "metrics" VALUES('val/acc',0.16,1795654286699,'8898f2259e9141ffa2468d9403e3f1e5',10,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795654286730,'8898f2259e9141ffa2468d9403e3f1e5',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.32,1795654286764,'8898f2259e9141ffa2468d9403e3f1e5',20,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795654286804,'8898f2259e9141ffa2468d9403e3f1e5',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.48,1795654286842,'8898f2259e9141ffa2468d9403e3f1e5',30,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1795654286869,'8898f2259e9141ffa2468d9403e3f1e5',29,0);
INSERT INTO "metrics" VALUES('val/acc',0.226667,1795654286997,'cda1037a82124754ac2cad5e1054e1bb',10,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795654287018,'cda1037a82124754ac2cad5e1054e1bb',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.453333,1795654287037,'cda1037a82124754ac2cad5e1054e1bb',20,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795654287059,'cda1037a82124754ac2cad5e1054e1bb',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.68,1795654287102,'cda1037a82124754ac2cad5e1054e1bb',30,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1795654287141,'cda1037a82124754ac2cad5e1054e1bb',29,0);
INSERT INTO "metrics" VALUES('val/acc',0.12,1795654287252,'fc89e599c6e14ce988fe90e184a8926b',10,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795654287259,'fc89e599c6e14ce988fe90e184a8926b',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.24,1795654287273,'fc89e599c6e14ce988fe90e184a8926b',20,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795654287291,'fc89e599c6e14ce988fe90e184a8926b',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.36,1795654287306,'fc89e599c6e14ce988fe90e184a8926b',30,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1795654287317,'fc89e599c6e14ce988fe90e184a8926b',29,0);
INSERT INTO "metrics" VALUES('val/acc',0.186667,1795654287412,'a4324a142c1d448b9b9e56cc5f61af74',10,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795654287432,'a4324a142c1d448b9b9e56cc5f61af74',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.373333,1795654287467,'a4324a142c1d448b9b9e56cc5f61af74',20,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795654287498,'a4324a142c1d448b9b9e56cc5f61af74',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.56,1795654287531,'a4324a142c1d448b9b9e56cc5f61af74',30,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1795654287543,'a4324a142c1d448b9b9e56cc5f61af74',29,0);
INSERT INTO "metrics" VALUES('val/acc',0.253333,1795654287589,'3c39ba1b210d491a9135b2ddf8c08e41',10,0);
INSERT INTO "metrics" VALUES('loss',1.79769313486231562234e+308,1795654287599,'3c39ba1b210d491a9135b2ddf8c08e41',9,0);
INSERT INTO "metrics" VALUES('val/acc',0.506667,1795654287606,'3c39ba1b210d491a9135b2ddf8c08e41',20,0);
INSERT INTO "metrics" VALUES('loss',1.79769313486231562234e+308,1795654287627,'3c39ba1b210d491a9135b2ddf8c08e41',19,0);
INSERT INTO "metrics" VALUES('val/acc',0.76,1795654287641,'3c39ba1b210d491a9135b2ddf8c08e41',30,0);
INSERT INTO "metrics" VALUES('loss',1.79769313486231562234e+308,1795654287654,'3c39ba1b210d491a9135b2ddf8c08e41',29,0);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('width','8','b7477ebe0a634d19b74b5bf73bb612b2');
INSERT INTO "params" VALUES('seed','0','b7477ebe0a634d19b74b5bf73bb612b2');
INSERT INTO "params" VALUES('optimiser','adam','b7477ebe0a634d19b74b5bf73bb612b2');
INSERT INTO "params" VALUES('width','8','8898f2259e9141ffa2468d9403e3f1e5');
INSERT INTO "params" VALUES('seed','1','8898f2259e9141ffa2468d9403e3f1e5');
INSERT INTO "params" VALUES('optimiser','adam','8898f2259e9141ffa2468d9403e3f1e5');
INSERT INTO "params" VALUES('width','8','cda1037a82124754ac2cad5e1054e1bb');
INSERT INTO "params" VALUES('seed','2','cda1037a82124754ac2cad5e1054e1bb');
INSERT INTO "params" VALUES('optimiser','adam','cda1037a82124754ac2cad5e1054e1bb');
INSERT INTO "params" VALUES('width','16','fc89e599c6e14ce988fe90e184a8926b');
INSERT INTO "params" VALUES('seed','0','fc89e599c6e14ce988fe90e184a8926b');
INSERT INTO "params" VALUES('optimiser','adam','fc89e599c6e14ce988fe90e184a8926b');
INSERT INTO "params" VALUES('width','16','a4324a142c1d448b9b9e56cc5f61af74');
INSERT INTO "params" VALUES('seed','1','a4324a142c1d448b9b9e56cc5f61af74');
INSERT INTO "params" VALUES('optimiser','adam','a4324a142c1d448b9b9e56cc5f61af74');
INSERT INTO "params" VALUES('width','16','3c39ba1b210d491a9135b2ddf8c08e41');
INSERT INTO "params" VALUES('seed','2','3c39ba1b210d491a9135b2ddf8c08e41');
INSERT INTO "params" VALUES('optimiser','adam','3c39ba1b210d491a9135b2ddf8c08e41');
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('b7477ebe0a634d19b74b5bf73bb612b2','w8-s0','UNKNOWN','','','','FINISHED',1795654286247,1795654286562,'','active','',1,NULL);
INSERT INTO "runs" VALUES('8898f2259e9141ffa2468d9403e3f1e5','w8-s1','UNKNOWN','','','','FINISHED',1795654286625,1795654286910,'','active','',1,NULL);
INSERT INTO "runs" VALUES('cda1037a82124754ac2cad5e1054e1bb','w8-s2','UNKNOWN','','','','FINISHED',1795654286932,1795654287167,'','active','',1,NULL);
INSERT INTO "runs" VALUES('fc89e599c6e14ce988fe90e184a8926b','w16-s0','UNKNOWN','','','','FINISHED',1795654287189,1795654287325,'','active','',1,NULL);
INSERT INTO "runs" VALUES('a4324a142c1d448b9b9e56cc5f61af74','w16-s1','UNKNOWN','','','','FINISHED',1795654287338,1795654287554,'','active','',1,NULL);
INSERT INTO "runs" VALUES('3c39ba1b210d491a9135b2ddf8c08e41','w16-s2','UNKNOWN','','','','FINISHED',1795654287558,1795654287670,'','active','',1,NULL);
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX idx_experiments_workspace ON experiments (workspace);
CREATE INDEX idx_experiments_workspace_creation_time ON experiments (workspace, creation_time);
CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, "key", step);
COMMIT;
