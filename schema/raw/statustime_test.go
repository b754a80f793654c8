package raw

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func requestOf(t *testing.T, fields string) schema.Workflow {
	t.Helper()
	doc, err := DecodeReqMgr([]byte(`{"RequestName":"w",` + fields + `}`))
	require.NoError(t, err)
	return doc.Record()
}

// TestTimeOfStatusIsThatOfItsNewestEntry: positions in the list and entries of
// other statuses do not decide when the status was entered.
func TestTimeOfStatusIsThatOfItsNewestEntry(t *testing.T) {
	at := func(status string, time any) string {
		return fmt.Sprintf(`{"Status":%q,"UpdateTime":%v}`, status, time)
	}
	for name, c := range map[string]struct {
		status      string // RequestStatus; empty: the document has none
		history     string
		want        string
		time, begun int64
	}{
		"in order":                   {"staged", at("new", 10) + "," + at("staged", 20), "staged", 20, 10},
		"out of order":               {"staged", at("staged", 20) + "," + at("new", 10), "staged", 20, 10},
		"status repeated":            {"staged", at("staged", 20) + "," + at("acquired", 30) + "," + at("staged", 40), "staged", 40, 20},
		"repeated, out of order":     {"staged", at("staged", 40) + "," + at("acquired", 30) + "," + at("staged", 20), "staged", 40, 20},
		"last entry is another's":    {"staged", at("new", 10) + "," + at("staged", 20) + "," + at("acquired", 30), "staged", 20, 10},
		"no entry of its own":        {"failed", at("new", 10) + "," + at("staged", 20), "failed", 0, 10},
		"equal times":                {"staged", at("new", 10) + "," + at("staged", 20) + "," + at("acquired", 20), "staged", 20, 10},
		"time is no number":          {"staged", at("new", 10) + "," + at("staged", `"soon"`), "staged", 0, 10},
		"one time is no number":      {"staged", at("new", `{}`) + "," + at("staged", 20) + "," + at("staged", `"soon"`), "staged", 20, 20},
		"no time":                    {"staged", `{"Status":"staged"}`, "staged", 0, 0},
		"time in milliseconds":       {"staged", at("new", 1700000000) + "," + at("staged", 1700000100000), "staged", 1700000100, 1700000000},
		"no status: the newest":      {"", at("acquired", 30) + "," + at("new", 10), "acquired", 30, 10},
		"no status, equal: the last": {"", at("new", 10) + "," + at("staged", 10), "staged", 10, 10},
		"no status, entry without":   {"", at("staged", 20) + `,{"UpdateTime":30}`, "staged", 20, 20},
		"no status, no times":        {"", `{"Status":"new"},{"Status":"staged"}`, "staged", 0, 0},
		"no status, some times":      {"", at("staged", 20) + `,{"Status":"acquired"}`, "acquired", 0, 20},
		"elements of another form":   {"staged", at("staged", 20) + `,"acquired",null,7`, "staged", 20, 20},
	} {
		fields := `"RequestTransition":[` + c.history + `]`
		if c.status != "" {
			fields += fmt.Sprintf(`,"RequestStatus":%q`, c.status)
		}
		w := requestOf(t, fields)
		assert.Equal(t, c.want, w.Status, name)
		assert.Equal(t, c.time, w.StatusTime, name)
		assert.Equal(t, c.begun, w.CreateTime, name)
	}
}

// TestFirstPriority: the initial priority is the request's own field, else the
// oldest entry of its history, else unknown. It is never a 0 that nobody wrote.
func TestFirstPriority(t *testing.T) {
	for fields, want := range map[string]int64{
		`"RequestPriority":85000`:                                                                     -1,
		`"RequestPriority":85000,"InitialPriority":90000`:                                             90000,
		`"RequestPriority":85000,"InitialPriority":0`:                                                 0,
		`"RequestPriority":85000,"InitialPriority":"high"`:                                            -1,
		`"RequestPriority":85000,"InitialPriority":null`:                                              -1,
		`"PriorityTransition":[{"Priority":90000,"UpdateTime":5},{"Priority":110000,"UpdateTime":9}]`: 90000,
		`"PriorityTransition":[{"Priority":110000,"UpdateTime":9},{"Priority":90000,"UpdateTime":5}]`: 90000,
		`"PriorityTransition":[{"Priority":"high","UpdateTime":1},{"Priority":90000,"UpdateTime":5}]`: 90000,
		`"PriorityTransition":[{"Priority":70000},{"Priority":90000,"UpdateTime":5}]`:                 90000,
		`"PriorityTransition":[{"Priority":70000},{"Priority":90000}]`:                                70000,
		`"PriorityTransition":[{"Priority":70000,"UpdateTime":5},{"Priority":90000,"UpdateTime":5}]`:  70000,
		`"PriorityTransition":[]`:                                                                     -1,
		`"InitialPriority":0,"PriorityTransition":[{"Priority":90000,"UpdateTime":5}]`:                0,
		`"InitialPriority":80000,"PriorityTransition":[{"Priority":90000,"UpdateTime":5}]`:            80000,
	} {
		assert.Equal(t, want, requestOf(t, fields).InitialPriority, fields)
	}
}
