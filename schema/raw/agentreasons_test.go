package raw

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// TestReasonsNameWhatTheyCount checks that an agent in error has a reason
// whenever its document has one.
func TestReasonsNameWhatTheyCount(t *testing.T) {
	for name, c := range map[string]struct {
		fields     string
		severity   string
		reasons    []string
		components []string
	}{
		"named in the detail alone": {
			`"status":"down","down_components":[],"down_component_detail":[{"name":"JobSubmitter","worker_name":"JobSubmitterPoller","state":"Error","error_message":"ORA-03113"}]`,
			schema.SeverityError, []string{"down: JobSubmitter"}, []string{"JobSubmitter"},
		},
		"a status of ok hides none": {
			`"status":"ok","down_component_detail":[{"name":"JobSubmitter","state":"Error"}]`,
			schema.SeverityError, []string{"down: JobSubmitter"}, []string{"JobSubmitter"},
		},
		"one in the list, one in the detail": {
			`"status":"down","down_components":["B"],"down_component_detail":[{"name":"A","state":"Error"},{"name":"B"}]`,
			schema.SeverityError, []string{"down: B, A"}, []string{"B", "A"},
		},
		"a detail that is a text": {
			`"status":"down","down_component_detail":["AgentStatusWatcher"]`,
			schema.SeverityError, []string{"down: AgentStatusWatcher"}, []string{"AgentStatusWatcher"},
		},
		"a detail without a name": {
			`"status":"down","down_component_detail":[{"worker_name":"P","error_message":"e"}]`,
			schema.SeverityError, []string{"down: P"}, []string{"P"},
		},
		"the error of one that is down": {
			`"status":"down","down_components":["A"],"down_component_detail":["no route to host"]`,
			schema.SeverityError, []string{"down: A"}, []string{"A"},
		},
		"threads": {
			`"status":"error","workers":[{"name":"JobSubmitterPoller","state":"Error"},{"name":"Good","state":"Running"},{"name":"ErrorHandlerPoller","state":"Timeout"}]`,
			schema.SeverityError, []string{"2 of 3 worker threads in trouble: ErrorHandlerPoller (Timeout), JobSubmitterPoller (Error)"}, []string{},
		},
		"a thread of a fine agent": {
			`"status":"ok","workers":[{"name":"JobSubmitterPoller","state":"Error"}]`,
			schema.SeverityWarning, []string{"1 of 1 worker threads in trouble: JobSubmitterPoller (Error)"}, []string{},
		},
		"threads of a component that is down": {
			`"status":"down","down_components":["A"],"workers":[{"name":"P","state":"Error"}]`,
			schema.SeverityError, []string{"down: A; 1 of 1 worker threads in trouble: P (Error)"}, []string{"A"},
		},
		"a thread without a name": {
			`"status":"ok","workers":[{"state":"Error"}]`,
			schema.SeverityWarning, []string{"1 of 1 worker threads in trouble: one without a name (Error)"}, []string{},
		},
		"disks": {
			`"status":"warning","disk_warning":[{"mounted":"/data1","percent":"91%"},{"mounted":"/","percent":"87%"}]`,
			schema.SeverityWarning, []string{"2 disks almost full: /, /data1"}, []string{},
		},
		"one disk": {
			`"status":"warning","disk_warning":[{"filesystem":"/dev/sda1"}]`,
			schema.SeverityWarning, []string{"1 disk almost full: /dev/sda1"}, []string{},
		},
		"disks of an agent that is red": {
			`"status":"error","disk_warning":[{"mounted":"/data1","percent":"99%"}]`,
			schema.SeverityError, []string{"1 disk almost full: /data1"}, []string{},
		},
		"disks and threads of an agent that is red": {
			`"status":"down","disk_warning":[{"mounted":"/data1"}],"workers":[{"name":"P","state":"Error"}]`,
			schema.SeverityError, []string{"1 disk almost full: /data1", "1 of 1 worker threads in trouble: P (Error)"}, []string{},
		},
		"components of an agent that is amber": {
			`"status":"warning","down_components":["A"]`,
			schema.SeverityError, []string{"down: A"}, []string{"A"},
		},
		"the data collector of an agent that is amber": {
			`"status":"warning","data_error":"no view"`,
			schema.SeverityError, []string{"data collector: no view"}, []string{},
		},
		"processes of an agent that is red": {
			`"status":"error","components":{"A":[{"error":"no pid"}],"B":[{"process":"B","pid":"1","status":"sleeping"}]}`,
			schema.SeverityError, []string{"down: A"}, []string{"A"},
		},
		"processes of an agent that is fine": {
			`"status":"ok","components":{"A":[{"error":"no pid"}]}`,
			schema.SeverityOK, []string{}, []string{},
		},
		"the proxy of an agent that is down": {
			`"status":"down","proxy_warning":"expires in 2 h"`,
			schema.SeverityError, []string{"proxy or certificate: expires in 2 h"}, []string{},
		},
		"threads beside another trouble": {
			`"status":"ok","data_error":"no view","workers":[{"name":"P","state":"Error"}]`,
			schema.SeverityError, []string{"data collector: no view", "1 of 1 worker threads in trouble: P (Error)"}, []string{},
		},
		"nothing to name": {
			`"status":"down"`, schema.SeverityError, []string{"says that its status is down, without a reason"}, []string{},
		},
	} {
		doc, err := DecodeAgentInfo([]byte(`{"agent_url":"a","agent_team":"t","type":"agent_info","timestamp":1000,` + c.fields + `}`))
		require.NoError(t, err)
		d := doc.Detail()
		schema.Judge(&d.Agent, 1010, schema.DefaultLimits())
		assert.Equal(t, c.severity, d.Severity, name)
		assert.Equal(t, c.reasons, d.Reasons, name)
		assert.Equal(t, c.components, d.DownComponents, name)
		for _, component := range c.components {
			assert.Contains(t, componentsDown(d), component, name)
		}
	}
}

func componentsDown(d schema.AgentDetail) (names []string) {
	for _, c := range d.Components {
		if c.Down {
			names = append(names, c.Component)
		}
	}
	return names
}

// TestReasonsOfManyAreShort checks that the list of names in a reason is
// limited.
func TestReasonsOfManyAreShort(t *testing.T) {
	fields := `"workers":[{"name":"a","state":"Error"}` + strings.Repeat(`,{"name":"thread","state":"Error"}`, 40) + `]`
	doc, err := DecodeAgentInfo([]byte(`{"agent_url":"a","agent_team":"t","timestamp":1000,` + fields + `}`))
	require.NoError(t, err)
	d := doc.Detail()
	schema.Judge(&d.Agent, 1010, schema.DefaultLimits())
	assert.Equal(t, []string{"41 of 41 worker threads in trouble: a (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error), thread (Error) and 33 more"}, d.Reasons)
}

// TestDrainIsNotDoneWhileNotKnown checks that a number that a draining agent
// could not determine is not taken as 0, also in the list of what it waits for.
func TestDrainIsNotDoneWhileNotKnown(t *testing.T) {
	for stats, want := range map[string]string{
		`"condor_status":{"running":0,"idle":0}`:                                           "drained: nothing is left",
		`"condor_status":{"running":null,"idle":null}`:                                     "draining, waits for condor: not known",
		`"condor_status":null`:                                                             "draining, waits for condor: not known",
		`"condor_status":"?"`:                                                              "draining, waits for condor: not known",
		`"condor_status":{"running":2,"idle":null}`:                                        "draining, waits for condor: 2 running, idle not known",
		`"condor_status":{"running":null,"idle":"3"}`:                                      "draining, waits for condor: running not known, 3 idle",
		`"condor_status":{"running":0,"idle":null}`:                                        "draining, waits for condor: 0 running, idle not known",
		`"upload_status":{"dbs_open_blocks":null,"dbs_notuploaded":0}`:                     "draining, waits for DBS blocks open: not known",
		`"upload_status":{"dbs_open_blocks":1},"condor_status":{"running":1}`:              "draining, waits for condor: 1 running, 0 idle; 1 DBS block open",
		`"upload_status":{"dbs_open_blocks":{"num_elem":2}},"condor_status":{"running":0}`: "draining, waits for 2 DBS blocks open",
	} {
		doc, err := DecodeAgentInfo([]byte(`{"agent_url":"a","agent_team":"t","timestamp":1000,"drain_mode":true,"drain_stats":{"workflows_completed":true,` + stats + `}}`))
		require.NoError(t, err)
		d := doc.Detail()
		schema.Judge(&d.Agent, 1010, schema.DefaultLimits())
		assert.Equal(t, []string{want}, d.Reasons, stats)
	}
}
