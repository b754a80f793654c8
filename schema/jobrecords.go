package schema

// JobSample is one failing or retried job of a workflow, from its jobsummary
// document. Documents can be megabytes long: long parts are cut, and Truncated
// is set.
type JobSample struct {
	Workflow     string   `from:"workflow" doc:"name of the workflow"`
	JobName      string   `from:"_id" doc:"name of the job"`
	WMBSID       int64    `from:"wmbsid" doc:"id in the agent's job store; -1 if absent"`
	Task         string   `from:"task" doc:"full path of the task"`
	JobType      string   `from:"jobtype" doc:"Production, Processing, Merge, ..."`
	State        string   `from:"state" doc:"jobfailed, jobcooloff, submitfailed, success, ..."`
	Site         string   `from:"site" doc:"where the agent sent it, or (unknown)"`
	ReportedSite string   `from:"cms_location" doc:"site in the job report"`
	Agent        string   `from:"agent_name without port" doc:"the agent"`
	ExitCode     int64    `from:"exitcode" doc:"exit code; -1 if absent"`
	RetryCount   int64    `unit:"tries" from:"retrycount" doc:"earlier tries; -1 if absent"`
	Time         int64    `unit:"Unix s" from:"timestamp" doc:"when it was written"`
	WorkerNode   string   `from:"worker_node_info.HostName" doc:"host it ran on"`
	LogURL       string   `from:"eos_log_url" doc:"address of its logs"`
	LogArchives  []string `from:"keys of logArchiveLFN" doc:"log archives"`
	ACDCURL      string   `from:"acdc_url" doc:"address of the recovery database"`
	Dataset      string   `from:"outputdataset: primaryDataset, processedDataset, dataTier" doc:"dataset that it should have written"`
	RunLumis     string   `from:"lumis" doc:"runs and lumis as text, such as 380115: 14-16, 20; 380116: 1"`
	InputFiles   []string `from:"inputfiles: text or lfn" doc:"files it read, the first 1000"`
	Truncated    bool     `from:"length of errors, inputfiles and lumis" doc:"something was cut"`

	Errors      []JobStepError  `doc:"errors by step"`
	Outputs     []JobOutput     `doc:"files that it wrote"`
	Transitions []JobTransition `doc:"states that it went through, as written"`
}

// JobStepError is one error in one step of a job.
type JobStepError struct {
	JobName  string `from:"_id" doc:"name of the job"`
	Step     string `from:"key of errors" doc:"cmsRun1, stageOut1, logArch1, JobSubmit, ..."`
	Type     string `from:"errors.*.type" doc:"kind of error"`
	ExitCode int64  `from:"errors.*.exitCode" doc:"exit code of the step; -1 if absent"`
	Details  string `from:"errors.*.details" doc:"text of the error, the first 16384 bytes"`
}

// JobOutput is one file that a job wrote.
type JobOutput struct {
	JobName  string `from:"_id" doc:"name of the job"`
	Type     string `from:"output.type" doc:"output, logArchive, ..."`
	LFN      string `from:"output.lfn" doc:"logical file name"`
	Location string `from:"output.location, a text or a list, joined by a comma" doc:"where it is"`
	Bytes    int64  `unit:"bytes" from:"output.size" doc:"size; -1 if absent"`
	Adler32  string `from:"output.checksums.adler32" doc:"checksum"`
}

// JobTransition is one change of a job's state.
type JobTransition struct {
	JobName  string `from:"_id" doc:"name of the job"`
	Index    int64  `from:"position in state_history" doc:"1..N, as written"`
	From     string `from:"state_history.oldstate" doc:"state before"`
	To       string `from:"state_history.newstate" doc:"state after"`
	Location string `from:"state_history.location" doc:"where the job was"`
	Time     int64  `unit:"Unix s" from:"state_history.timestamp" doc:"when"`
}
