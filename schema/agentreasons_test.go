package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReasonsNameWhatTheyCount: an agent is never red without a reason while
// its document has one.
func TestReasonsNameWhatTheyCount(t *testing.T) {
	for name, c := range map[string]struct {
		fields     string
		severity   string
		reasons    []string
		components []string
	}{
		"named in the detail alone": {
			`"status":"down","down_components":[],"down_component_detail":[{"name":"JobSubmitter","worker_name":"JobSubmitterPoller","state":"Error","error_message":"ORA-03113"}]`,
			SeverityError, []string{"down: JobSubmitter"}, []string{"JobSubmitter"},
		},
		"a status of ok hides none": {
			`"status":"ok","down_component_detail":[{"name":"JobSubmitter","state":"Error"}]`,
			SeverityError, []string{"down: JobSubmitter"}, []string{"JobSubmitter"},
		},
		"one in the list, one in the detail": {
			`"status":"down","down_components":["B"],"down_component_detail":[{"name":"A","state":"Error"},{"name":"B"}]`,
			SeverityError, []string{"down: B, A"}, []string{"B", "A"},
		},
		"a detail that is a text": {
			`"status":"down","down_component_detail":["AgentStatusWatcher"]`,
			SeverityError, []string{"down: AgentStatusWatcher"}, []string{"AgentStatusWatcher"},
		},
		"a detail without a name": {
			`"status":"down","down_component_detail":[{"worker_name":"P","error_message":"e"}]`,
			SeverityError, []string{"down: P"}, []string{"P"},
		},
		"the error of one that is down": {
			`"status":"down","down_components":["A"],"down_component_detail":["no route to host"]`,
			SeverityError, []string{"down: A"}, []string{"A"},
		},
		"threads": {
			`"status":"error","workers":[{"name":"JobSubmitterPoller","state":"Error"},{"name":"Good","state":"Running"},{"name":"ErrorHandlerPoller","state":"Timeout"}]`,
			SeverityError, []string{"2 of 3 worker threads in trouble: ErrorHandlerPoller (Timeout), JobSubmitterPoller (Error)"}, []string{},
		},
		"a thread of a fine agent": {
			`"status":"ok","workers":[{"name":"JobSubmitterPoller","state":"Error"}]`,
			SeverityWarning, []string{"1 of 1 worker threads in trouble: JobSubmitterPoller (Error)"}, []string{},
		},
		"threads of a component that is down": {
			`"status":"down","down_components":["A"],"workers":[{"name":"P","state":"Error"}]`,
			SeverityError, []string{"down: A; 1 of 1 worker threads in trouble: P (Error)"}, []string{"A"},
		},
		"a thread without a name": {
			`"status":"ok","workers":[{"state":"Error"}]`,
			SeverityWarning, []string{"1 of 1 worker threads in trouble: one without a name (Error)"}, []string{},
		},
		"disks": {
			`"status":"warning","disk_warning":[{"mounted":"/data1","percent":"91%"},{"mounted":"/","percent":"87%"}]`,
			SeverityWarning, []string{"2 disks almost full: /, /data1"}, []string{},
		},
		"one disk": {
			`"status":"warning","disk_warning":[{"filesystem":"/dev/sda1"}]`,
			SeverityWarning, []string{"1 disk almost full: /dev/sda1"}, []string{},
		},
		"nothing to name": {
			`"status":"down"`, SeverityError, []string{"says that its status is down, without a reason"}, []string{},
		},
	} {
		doc, err := DecodeAgentInfo([]byte(`{"agent_url":"a","agent_team":"t","type":"agent_info","timestamp":1000,` + c.fields + `}`))
		require.NoError(t, err)
		d := doc.Detail()
		Judge(&d.Agent, 1010, DefaultLimits())
		assert.Equal(t, c.severity, d.Severity, name)
		assert.Equal(t, c.reasons, d.Reasons, name)
		assert.Equal(t, c.components, d.DownComponents, name)
		for _, component := range c.components {
			assert.Contains(t, componentsDown(d), component, name)
		}
	}
}

func componentsDown(d AgentDetail) (names []string) {
	for _, c := range d.Components {
		if c.Down {
			names = append(names, c.Component)
		}
	}
	return names
}

// TestReasonsOfManyAreShort: a list of names has an end.
func TestReasonsOfManyAreShort(t *testing.T) {
	fields := `"workers":[{"name":"a","state":"Error"}` + strings.Repeat(`,{"name":"thread","state":"Error"}`, 40) + `]`
	doc, err := DecodeAgentInfo([]byte(`{"agent_url":"a","agent_team":"t","timestamp":1000,` + fields + `}`))
	require.NoError(t, err)
	d := doc.Detail()
	Judge(&d.Agent, 1010, DefaultLimits())
	assert.Equal(t, []string{"41 of 41 worker threads in trouble: a (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error) and 33 more"}, d.Reasons)
}

func TestNegativeExitCodes(t *testing.T) {
	for code, want := range map[int64]ExitCodeInfo{
		-1:   {-1, AreaOther, "no exit code was reported"},
		-2:   {-2, AreaKilled, "killed by a signal 2"},
		-9:   {-9, AreaKilled, "killed by a signal 9"},
		-15:  {-15, AreaKilled, "killed by a signal 15"},
		-64:  {-64, AreaKilled, "killed by a signal 64"},
		-65:  {-65, AreaOther, "not in the table of exit codes"},
		-999: {-999, AreaOther, "not in the table of exit codes"},
	} {
		info, known := ExitCodeOf(code)
		assert.False(t, known)
		assert.Equal(t, want, info)
	}
	assert.Equal(t, int64(-1), ErrorSummary{ExitCode: -1}.ExitCode)
}
