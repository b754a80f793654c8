package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/compare"
)

// TestExitCodes: 0 without unexplained differences, 1 with some, 2 when a side or an
// option is invalid.
func TestExitCodes(t *testing.T) {
	record := `{"Workflow":"w","Status":"new","Type":"","Campaign":"","Release":"","PrepID":"","Team":"","InputDatasets":[],"OutputDatasets":[],"Pileups":[],
		"SiteWhitelist":[],"SiteBlacklist":[],"Agents":[],"Sites":[],"Skipped":false,"Priority":-1,"EstimatedJobs":-1,"InputEvents":-1,"InputLumis":-1`
	for _, key := range []string{
		"Success", "Canceled", "Transition", "QueuedFirst", "QueuedRetry", "SubmittedFirst", "SubmittedRetry", "Pending", "Running",
		"FailureCreate", "FailureSubmit", "FailureException", "CooloffCreate", "CooloffSubmit", "CooloffJob", "PausedCreate", "PausedSubmit", "PausedJob",
		"JobsInWMBS", "JobsInQueue", "OutputEvents", "OutputLumis", "OutputBytes", "TaskCount",
	} {
		record += fmt.Sprintf(",%q:0", key)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/quarantine" {
			fmt.Fprint(w, "[]")
			return
		}
		w.Header().Set("X-Total-Count", "1")
		fmt.Fprint(w, record+"}\n")
	}))
	t.Cleanup(server.Close)
	for old, want := range map[string]int{
		`{"result":[{"w":{"_id":"w","RequestStatus":"new"}}]}`:    explained,
		`{"result":[{"w":{"_id":"w","RequestStatus":"failed"}}]}`: unexplained,
		`{"result":[{"w":{"_id":"w","RequestSt`:                   failed,
	} {
		file := filepath.Join(t.TempDir(), "old.json")
		require.NoError(t, os.WriteFile(file, []byte(old), 0o600))
		for _, form := range []string{"--json=false", "--json"} {
			var out bytes.Buffer
			code, err := run(t.Context(), []string{"--old", file, "--new", server.URL, form}, func(string) string { return "" }, &out)
			assert.Equal(t, want, code, old)
			assert.Equal(t, want == failed, err != nil, "%v", err)
			if form == "--json" && want != failed {
				var report compare.Report
				require.NoError(t, json.Unmarshal(out.Bytes(), &report))
				assert.Equal(t, want, report.Unexplained)
			}
		}
	}
	code, err := run(t.Context(), []string{"--old", "x"}, func(string) string { return "" }, &bytes.Buffer{})
	assert.Equal(t, failed, code)
	require.Error(t, err)
	code, err = run(t.Context(), []string{"-h"}, func(string) string { return "" }, &bytes.Buffer{})
	assert.Equal(t, explained, code)
	require.NoError(t, err)
}
