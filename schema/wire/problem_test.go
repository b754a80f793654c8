package wire

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProblemsComeFromOneTable(t *testing.T) {
	seen := map[Slug]bool{}
	for _, k := range Kinds() {
		assert.False(t, seen[k.Slug], k.Slug)
		seen[k.Slug] = true
		p := NewProblem(k.Slug, "x")
		assert.Equal(t, k.Status, p.Status)
		assert.Equal(t, k.Title, p.Title)
		assert.Equal(t, k.Slug, p.Slug())
		assert.NotEmpty(t, k.Help, k.Slug)
		assert.GreaterOrEqual(t, k.Status, 400)
	}
	assert.Equal(t, 500, NewProblem("made-up", "x").Status)
}

func TestProblemBody(t *testing.T) {
	cause := errors.New("http://admin:secret@couch/db")
	for _, c := range []struct {
		problem *Problem
		want    string
	}{
		{UnknownParameter("campagn", []string{"campaign"}), `{"type":"/problems/unknown-parameter","title":"Unknown query parameter","status":400,"detail":"'campagn' is not a parameter of this resource.","param":"campagn","did_you_mean":["campaign"]}`},
		{SourceFailed("The detail could not be read.", cause), `{"type":"/problems/source-failed","title":"Source failed","status":502,"detail":"The detail could not be read."}`},
		{Internal(cause), `{"type":"/problems/internal","title":"Internal error","status":500,"detail":"The server failed; its log has the cause."}`},
		{GenerationExpired("a-1", "/fetch", "/fetch?after=x"), `{"type":"/problems/generation-expired","title":"Generation expired","status":410,"detail":"Generation 'a-1' is not available on this server.","param":"gen","restart":"/fetch","continue":"/fetch?after=x"}`},
	} {
		got, err := json.Marshal(c.problem)
		require.NoError(t, err)
		assert.Equal(t, c.want, string(got))
	}
	assert.ErrorIs(t, Internal(cause), cause)
	assert.NotContains(t, SourceFailed("x", cause).Error(), "secret")
}

func TestNear(t *testing.T) {
	names := []string{"status", "statustime", "campaign", "campaigns", "site", "minSite", "agent", "Failure", "FailureRate", "T2_CH_CERN", "T2_CH_CSCS"}
	for name, want := range map[string][]string{
		"campagn":    {"campaign", "campaigns"},
		"stauts":     {"status"},
		"FAILURE":    {"Failure", "FailureRate"},
		"stat":       {"status", "statustime"},
		"T2_CH_CREN": {"T2_CH_CERN", "T2_CH_CSCS"},
		"zzz":        nil,
		"":           nil,
	} {
		got := Near(name, names, 2)
		assert.Equal(t, want, got, name)
	}
	assert.Len(t, Near("campaign", names, 1), 1)
}
