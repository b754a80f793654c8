package schema

import (
	"fmt"
	"slices"
)

// ExitCodeInfo is one row of the table of exit codes.
type ExitCodeInfo struct {
	ExitCode int64
	Area     string // one of the Area values
	Meaning  string // a short sentence
}

// Areas in which a job fails: where somebody would look first.
const (
	AreaApplication = "application" // cmsRun itself: its code or configuration
	AreaInput       = "input"       // opening or reading its input
	AreaEnvironment = "environment" // software or scripts on the worker node
	AreaLimits      = "limits"      // memory, disk or time
	AreaOutput      = "output"      // copying to storage, and the content of the output
	AreaLogs        = "logs"        // collecting and copying logs
	AreaSubmission  = "submission"  // never submitted
	AreaKilled      = "killed"      // by an agent, the batch system or a signal
	AreaReport      = "report"      // the report of the job is lost or unusable
	AreaOther       = "other"       // not in the table
)

// NoExitCode stands for the exit code of a job that reported none.
const NoExitCode = -1

// lastSignal is the highest signal number on Linux.
const lastSignal = 64

// ExitCodes returns the table of exit codes, by code.
func ExitCodes() []ExitCodeInfo { return slices.Clone(exitCodes[:]) }

// ExitCodeOf returns the meaning of an exit code. known is false for a code
// that is not in the table. Such codes get a text too: codes from 129 to 192
// are 128 plus a signal, as shells count, and negative ones other than -1 are a
// signal, as Python's subprocess counts.
func ExitCodeOf(code int64) (info ExitCodeInfo, known bool) {
	i, found := slices.BinarySearchFunc(exitCodes[:], code, func(e ExitCodeInfo, code int64) int {
		switch {
		case e.ExitCode < code:
			return -1
		case e.ExitCode > code:
			return 1
		}
		return 0
	})
	switch {
	case found:
		return exitCodes[i], true
	case code == NoExitCode:
		return ExitCodeInfo{code, AreaOther, "no exit code was reported"}, false
	case code < 0 && code >= -lastSignal:
		return ExitCodeInfo{code, AreaKilled, fmt.Sprintf("killed by a signal %d", -code)}, false
	case code > 128 && code <= 128+lastSignal:
		return ExitCodeInfo{code, AreaKilled, fmt.Sprintf("ended by signal %d", code-128)}, false
	}
	return ExitCodeInfo{code, AreaOther, "not in the table of exit codes"}, false
}

// exitCodes is the table, by code; nothing changes it. The codes are those that
// CMS uses in public (WMCore's WMExceptions, CMSSW's cmsRun); the texts are
// this project's own.
var exitCodes = [...]ExitCodeInfo{
	{0, AreaOther, "the job itself reports no error"},
	{1, AreaOther, "failed without stating a reason"},
	{2, AreaKilled, "interrupted from outside"},
	{65, AreaApplication, "cmsRun ended in an exception that it did not name"},
	{66, AreaApplication, "cmsRun ended in an exception outside of CMSSW"},
	{73, AreaOutput, "an output file could not be created"},
	{84, AreaInput, "a required file could not be read or copied"},
	{85, AreaInput, "a required file could not be opened"},
	{92, AreaInput, "an input file could not be opened, nor its copy at another site"},
	{126, AreaEnvironment, "a command could not be run: no permission, or built for another machine"},
	{127, AreaEnvironment, "a command was not found: software is missing on the node"},
	{129, AreaKilled, "hung up (SIGHUP)"},
	{130, AreaKilled, "interrupted (SIGINT)"},
	{132, AreaApplication, "illegal instruction (SIGILL): built for another processor"},
	{134, AreaApplication, "aborted by its own code (SIGABRT)"},
	{135, AreaApplication, "bus error (SIGBUS)"},
	{136, AreaApplication, "arithmetic error (SIGFPE)"},
	{137, AreaKilled, "killed (SIGKILL), often by the node for its memory"},
	{139, AreaApplication, "segmentation violation (SIGSEGV)"},
	{143, AreaKilled, "terminated (SIGTERM), often by the batch system"},
	{152, AreaLimits, "too much processor time (SIGXCPU)"},
	{153, AreaLimits, "a file grew too large (SIGXFSZ)"},
	{195, AreaReport, "the job left no report"},
	{243, AreaOutput, "copying the output took too long"},
	{7000, AreaApplication, "cmsRun did not understand its command line"},
	{7001, AreaApplication, "the configuration of cmsRun was not found"},
	{7002, AreaApplication, "the configuration of cmsRun could not be read"},
	{8001, AreaApplication, "exception of CMSSW that has no code of its own"},
	{8002, AreaApplication, "exception of the C++ library"},
	{8003, AreaApplication, "exception of unknown kind"},
	{8004, AreaLimits, "out of memory"},
	{8005, AreaApplication, "exception of a type that is not allowed"},
	{8006, AreaInput, "data that a module needs are not in the event"},
	{8007, AreaApplication, "no dictionary for a type of data"},
	{8008, AreaApplication, "a module could not put its result into the event"},
	{8009, AreaApplication, "error in the configuration"},
	{8010, AreaApplication, "logic error in the code"},
	{8011, AreaApplication, "feature that is not implemented"},
	{8012, AreaApplication, "reference to data that are not valid"},
	{8013, AreaApplication, "null pointer"},
	{8014, AreaApplication, "a module asks for data without naming them"},
	{8015, AreaLimits, "one event took too long"},
	{8016, AreaInput, "an event is corrupt"},
	{8017, AreaApplication, "the schedule of modules failed"},
	{8018, AreaApplication, "the event processor failed"},
	{8019, AreaEnvironment, "a file of the release was not found"},
	{8020, AreaInput, "an input file could not be opened, probably the site's storage"},
	{8021, AreaInput, "an input file could not be read, perhaps the site's storage"},
	{8022, AreaApplication, "fatal error of ROOT"},
	{8023, AreaInput, "input files do not fit together"},
	{8024, AreaApplication, "data that can't be viewed in the requested way"},
	{8025, AreaApplication, "data that can't be referenced in the requested way"},
	{8026, AreaApplication, "something other than data or a dictionary was not found"},
	{8027, AreaInput, "an input file has a format that this release can't read"},
	{8028, AreaInput, "an input file could not be opened, nor through the fallback to other sites"},
	{8029, AreaApplication, "no files for the secondary input"},
	{8030, AreaLimits, "cmsRun passed its limit of virtual memory"},
	{8031, AreaLimits, "cmsRun passed its limit of memory"},
	{8032, AreaLimits, "cmsRun passed its limit of time"},
	{8033, AreaOutput, "an output file could not be written, often the node's disk"},
	{8034, AreaInput, "an input file does not match its name"},
	{8501, AreaApplication, "the event generator failed"},
	{9000, AreaKilled, "cmsRun was stopped by a signal (SIGINT or SIGUSR2)"},
	{10031, AreaEnvironment, "the directory of CMS software was not found"},
	{10032, AreaEnvironment, "the CMS environment could not be set up"},
	{10034, AreaEnvironment, "the release is not installed at the site"},
	{10040, AreaApplication, "the configuration of a step could not be created"},
	{10042, AreaEnvironment, "the wrapper could not be copied to the node"},
	{10043, AreaEnvironment, "WMCore could not be started, often the node's python"},
	{11001, AreaEnvironment, "the job was started without a sandbox"},
	{11002, AreaEnvironment, "the job was started without its index"},
	{11003, AreaEnvironment, "no CMS software on the node, nor CVMFS"},
	{11004, AreaEnvironment, "the environment script of the job was not found"},
	{11005, AreaEnvironment, "no python on the node"},
	{50110, AreaEnvironment, "the program was not found"},
	{50111, AreaEnvironment, "no permission to run the program"},
	{50113, AreaEnvironment, "the program got too few arguments"},
	{50115, AreaReport, "cmsRun left no valid report, often after a crash"},
	{50116, AreaReport, "the exit code of cmsRun is not known"},
	{50513, AreaEnvironment, "SCRAM could not set up the release"},
	{50660, AreaLimits, "stopped by the wrapper: too much memory"},
	{50661, AreaLimits, "stopped by the wrapper: too much virtual memory"},
	{50662, AreaLimits, "stopped by the wrapper: too much disk"},
	{50664, AreaLimits, "stopped by the wrapper: too much wall-clock time"},
	{50665, AreaLimits, "stopped by the wrapper: idle for too long"},
	{50669, AreaLimits, "stopped by the wrapper for an unknown reason"},
	{60302, AreaOutput, "an output file was not found"},
	{60307, AreaOutput, "output could not be copied to storage"},
	{60311, AreaOutput, "output could not be copied with the site's own tool"},
	{60312, AreaLogs, "logs to be collected could not be read"},
	{60313, AreaOutput, "files that are no longer needed could not be deleted"},
	{60315, AreaOutput, "copying could not begin: the site's storage is not set up correctly"},
	{60317, AreaOutput, "a copy was stuck and was abandoned"},
	{60318, AreaOutput, "the copying script failed"},
	{60319, AreaOutput, "conditions data of a harvest could not be copied"},
	{60320, AreaOutput, "the transfer service did not answer"},
	{60321, AreaOutput, "the storage of the site is full, down or refuses"},
	{60322, AreaOutput, "no permission to write to the storage"},
	{60323, AreaOutput, "the quota of the storage is used up"},
	{60324, AreaOutput, "copying failed in another way"},
	{60401, AreaOutput, "no name could be created for a file in the merged area"},
	{60403, AreaOutput, "copying the output took too long"},
	{60404, AreaLogs, "copying the logs took too long"},
	{60405, AreaLogs, "the logs could not be copied"},
	{60407, AreaLogs, "reading the logs to be collected took too long"},
	{60408, AreaLogs, "the collected logs could not be copied"},
	{60409, AreaLogs, "copying the collected logs took too long"},
	{60450, AreaReport, "the report names no output file"},
	{60451, AreaReport, "an output file has no checksum in the report"},
	{60452, AreaReport, "an output file has no runs and lumis in the report"},
	{61101, AreaSubmission, "no allowed site has the input"},
	{61102, AreaSubmission, "the only possible site is down"},
	{61103, AreaSubmission, "the description of the job could not be read"},
	{61104, AreaSubmission, "the only possible site is draining"},
	{61300, AreaKilled, "killed by the agent for an unknown reason"},
	{61301, AreaKilled, "killed by the agent: its site was aborted"},
	{61302, AreaKilled, "killed by the agent: its site was set to drain"},
	{61303, AreaKilled, "killed by the agent: its site went down"},
	{70318, AreaOutput, "histograms could not be sent to the DQM service"},
	{70452, AreaReport, "an output file has no runs and lumis in the report"},
	{71101, AreaSubmission, "no allowed site has the input"},
	{71102, AreaSubmission, "the only possible site is aborted"},
	{71103, AreaSubmission, "the only possible site is draining"},
	{71104, AreaSubmission, "the agent could not find the description of the job"},
	{71105, AreaSubmission, "the description of the job is empty"},
	{71300, AreaKilled, "killed by the agent for an unknown reason"},
	{71301, AreaKilled, "killed by the agent: its site was aborted"},
	{71302, AreaKilled, "killed by the agent: its site was set to drain"},
	{71303, AreaKilled, "killed by the agent: its site went down"},
	{71304, AreaLimits, "killed by the agent: it ran for too long"},
	{71305, AreaLimits, "killed by the agent: it waited for too long"},
	{71306, AreaLimits, "killed by the agent: it was in error for too long"},
	{71307, AreaLimits, "killed by the agent: its state was unknown for too long"},
	{80000, AreaEnvironment, "the wrapper itself failed"},
	{80001, AreaReport, "the wrapper set no exit code"},
	{80453, AreaReport, "the configuration of an output file could not be determined"},
	{90000, AreaOutput, "a step after the job failed: copying, or recording its files"},
	{99108, AreaApplication, "left out because a step before it failed"},
	{99109, AreaEnvironment, "the wrapper met an error that it does not handle"},
	{99303, AreaReport, "the job failed and its report is lost"},
	{99304, AreaReport, "the job's directory in the agent is gone"},
	{99305, AreaLimits, "one input file has more events than a job can take"},
	{99400, AreaKilled, "removed by the batch system or an operator"},
	{99401, AreaKilled, "removed for an unknown reason"},
	{99996, AreaReport, "no report of a step was found on the node"},
	{99997, AreaReport, "the report could not be read"},
	{99998, AreaReport, "the report is empty"},
	{99999, AreaReport, "something is wrong with the report"},
}
