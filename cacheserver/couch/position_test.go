package couch_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const longSeq = "1200-g1AAAACveJzLYWBgYMpgTmEQS84vTc5ISTI0tbQwcTA0MtczAELDHJB8HguQZGgAUv"

func TestSeqNumber(t *testing.T) {
	for seq, want := range map[couch.Seq]int64{longSeq: 1200, "12": 12, "0": 0, "7-": 7} {
		n, ok := seq.Number()
		assert.True(t, ok, seq)
		assert.Equal(t, want, n, seq)
	}
	for _, seq := range []couch.Seq{"", "g1AAAA", `[12,"g1AAAA"]`, "-3", "1e9", "99999999999999999999-g1"} {
		_, ok := seq.Number()
		assert.False(t, ok, seq)
	}
}

// Such log lines may be frequent.
func TestALongSeqIsShortInTheLog(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Warn("x", "since", couch.Seq(longSeq))
	assert.NotContains(t, out.String(), longSeq)
	assert.Contains(t, out.String(), "1200-")
	assert.Contains(t, out.String(), longSeq[len(longSeq)-8:])
	assert.Less(t, len(out.String()), 100)
	assert.Equal(t, "12-abc", couch.Seq("12-abc").Short())
}

func TestSigns(t *testing.T) {
	was := couch.Position{Instance: "1", Updates: 100, Documents: 50, PurgeSeq: "2-g1AAAA"}
	for name, c := range map[string]struct {
		change             func(*couch.Position)
		anew, purged, fell string // parts; "": nothing
	}{
		"the same":            {func(*couch.Position) {}, "", "", ""},
		"grown":               {func(p *couch.Position) { p.Updates, p.Documents = 101, 51 }, "", "", ""},
		"another text":        {func(p *couch.Position) { p.PurgeSeq = "2-g1BBBB" }, "", "", ""},
		"another second":      {func(p *couch.Position) { p.Instance = "2" }, "from 1 to 2", "", ""},
		"one document less":   {func(p *couch.Position) { p.Documents = 49 }, "", "", "doc_count + doc_del_count from 50 to 49"},
		"one update less":     {func(p *couch.Position) { p.Updates = 99 }, "", "", "update_seq from 100 to 99"},
		"empty":               {func(p *couch.Position) { p.Updates, p.Documents = 0, 0 }, "", "", "update_seq from 100 to 0, doc_count + doc_del_count from 50 to 0"},
		"no numbers any more": {func(p *couch.Position) { p.Updates, p.Documents, p.Instance, p.PurgeSeq = -1, -1, "", "" }, "", "", ""},
		"purged":              {func(p *couch.Position) { p.PurgeSeq = "3-g1AAAA" }, "", "purge_seq from 2 to 3", ""},
		"purged, no number":   {func(p *couch.Position) { p.PurgeSeq = "x" }, "", "purge_seq from 2-g1AAAA to x", ""},
		"purged less":         {func(p *couch.Position) { p.PurgeSeq = "1-g1AAAA" }, "", "", "purge_seq from 2 to 1"},
	} {
		now := was
		c.change(&now)
		signs := was.Signs(now)
		assert.Equal(t, c.fell, signs.Fell, name)
		assert.Equal(t, c.purged, signs.Purged, name)
		if c.anew == "" {
			assert.Empty(t, signs.Anew, name)
		} else {
			assert.True(t, strings.HasSuffix(signs.Anew, c.anew), name)
		}
	}
	unknown := couch.Position{Updates: -1, Documents: -1}
	assert.Equal(t, couch.Signs{}, unknown.Signs(was), "an older checkpoint, or a server without counts")
}
