package couchfake_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// recorded is one request and the answer of a CouchDB 3.5.0.
type recorded struct {
	Note    string
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         *string
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    string
	}
}

// deviations are the parts of the record that this server cannot reproduce,
// with the reason. Everything else must be equal.
func deviations() map[string]string {
	return map[string]string{
		"not modified: Content-Length": "net/http never sends Content-Length with a 304; neither answer has a body",
	}
}

// unordered are the answers whose rows come in the order of the two shards of
// the recorded server. The rows are compared as a set; an answer cut by a limit
// may hold other rows of the same set.
func unordered() map[string]string {
	return map[string]string{
		"changes":                    "set",
		"server-side selector":       "set",
		"changes with docs, limited": "cut",
		"continuous, ended by limit: the last line is last_seq": "cut",
	}
}

// replay maps the names that the two servers chose differently: the record's
// texts as keys, ours as values.
type replay struct {
	t     *testing.T
	base  string
	host  string
	revs  map[string]string
	seqs  map[string]string
	rows  map[string]string // of a full _changes: id to its revisions
	given map[string]bool   // deviations that were met
}

func TestConformance(t *testing.T) {
	raw, err := os.ReadFile("testdata/answers-3.5.0.json")
	require.NoError(t, err)
	var records []recorded
	require.NoError(t, json.Unmarshal(raw, &records))
	require.Len(t, records, 45)

	fake := couchfake.New(couchfake.Options{User: "admin", Password: "secret", Views: []couchfake.View{recordedView()}})
	srv := httptest.NewServer(fake)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { require.NoError(t, fake.Close()) })
	rp := &replay{t: t, base: srv.URL, host: strings.TrimPrefix(srv.URL, "http://"),
		revs: map[string]string{}, seqs: map[string]string{}, rows: map[string]string{}, given: map[string]bool{}}
	for _, rec := range records {
		rp.t = t
		t.Run(rec.Note, func(t *testing.T) {
			rp.t = t
			rp.compare(rec, rp.send(rec))
		})
	}
	for _, reason := range deviations() {
		assert.Contains(t, rp.given, reason, "a deviation that no longer occurs")
	}
}

// recordedView is the map function of the recorded design document.
func recordedView() couchfake.View {
	return couchfake.View{Design: "ReqMgr", Name: "bystatus", Map: func(d couchfake.Doc, e *couchfake.Emitter) {
		if d.Text("workflow") != "" {
			e.Row(d.JSON("agent_url"), d.JSON("timestamp"))
		}
	}}
}

// answer is the answer of this server.
type answer struct {
	status  int
	header  http.Header
	length  int64
	chunked bool
	body    string
}

var (
	revText = regexp.MustCompile(`\d+-[0-9a-f]{32}\b`)
	seqText = regexp.MustCompile(`\d+-g1AAAA[A-Za-z0-9_-]+`)
)

// send repeats the recorded request with our revisions and seqs.
func (rp *replay) send(rec recorded) answer {
	var body io.Reader
	if rec.Request.Body != nil {
		body = strings.NewReader(rp.ours(*rec.Request.Body))
	}
	req, err := http.NewRequest(rec.Request.Method, rp.base+rp.ours(rec.Request.Path), body)
	require.NoError(rp.t, err)
	for k, v := range rec.Request.Headers {
		if k == "Authorization" {
			req.SetBasicAuth("admin", "secret")
			continue
		}
		req.Header.Set(k, rp.ours(v))
	}
	if rec.Note == "wrong password" { // the record left the header out
		req.SetBasicAuth("admin", "wrong")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(rp.t, err)
	defer resp.Body.Close()
	got := answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength,
		chunked: slices.Contains(resp.TransferEncoding, "chunked")}
	if rec.Note == "long poll that wakes; heartbeats are blank lines" {
		head, _, found := strings.Cut(rec.Response.Body, `{"seq"`)
		require.True(rp.t, found, "the record has a row")
		got.body = rp.wake(resp.Body, strings.Count(head, "\n"))
		return got
	}
	all, err := io.ReadAll(resp.Body)
	require.NoError(rp.t, err)
	got.body = string(all)
	return got
}

// wake reads the recorded number of lines, writes the document that the
// recorder wrote without recording it, and reads the rest.
func (rp *replay) wake(body io.Reader, lines int) string {
	in := bufio.NewReader(body)
	var got strings.Builder
	for range lines {
		line, err := in.ReadString('\n')
		require.NoError(rp.t, err)
		got.WriteString(line)
	}
	req, err := http.NewRequest(http.MethodPut, rp.base+"/golden/late", strings.NewReader(`{"type":"agent_info"}`))
	require.NoError(rp.t, err)
	req.SetBasicAuth("admin", "secret")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(rp.t, err)
	require.NoError(rp.t, resp.Body.Close())
	require.Equal(rp.t, http.StatusCreated, resp.StatusCode)
	rest, err := io.ReadAll(in)
	require.NoError(rp.t, err)
	return got.String() + string(rest)
}

// ours replaces the record's revisions and seqs with ours.
func (rp *replay) ours(text string) string {
	text = seqText.ReplaceAllStringFunc(text, func(seq string) string {
		require.Contains(rp.t, rp.seqs, seq, "a seq that no earlier answer had")
		return rp.seqs[seq]
	})
	return revText.ReplaceAllStringFunc(text, func(rev string) string {
		require.Contains(rp.t, rp.revs, rev, "a revision that no earlier answer had")
		return rp.revs[rev]
	})
}

func (rp *replay) compare(rec recorded, got answer) {
	want := rec.Response
	assert.Equal(rp.t, want.Status, got.status)
	if order := unordered()[rec.Note]; order != "" {
		rp.compareRows(order, want.Body, got.body)
	} else {
		rp.learn(rp.volatile(want.Body), rp.volatile(got.body))
		assert.Equal(rp.t, rp.plain(want.Body), rp.plain(got.body))
	}
	rp.headers(rec, got)
}

// learn records which texts of the two servers mean the same revision or
// position, in the order in which the texts appear.
func (rp *replay) learn(want, got string) {
	for _, kind := range []struct {
		re    *regexp.Regexp
		known map[string]string
		exact bool // one name for the whole test
	}{{revText, rp.revs, true}, {seqText, rp.seqs, false}} {
		w, g := kind.re.FindAllString(want, -1), kind.re.FindAllString(got, -1)
		require.Len(rp.t, g, len(w), "revisions or seqs in %s", got)
		for i := range w {
			assert.Equal(rp.t, number(w[i]), number(g[i]), "the number before the dash")
			if old, known := kind.known[w[i]]; known && kind.exact {
				assert.Equal(rp.t, old, g[i], "the revision handed out before")
			}
			kind.known[w[i]] = g[i]
		}
	}
}

func number(text string) string { n, _, _ := strings.Cut(text, "-"); return n }

// volatile replaces values that differ between any two servers with a
// placeholder.
func (rp *replay) volatile(body string) string {
	for _, re := range []string{`("git_sha":)"[0-9a-f]+"`, `("uuid":)"[0-9a-f]{32}"`, `("instance_start_time":)"\d+"`,
		`("bookmark": )"g1AAAA[A-Za-z0-9_-]+"`, `("sizes":)\{"file":\d+,"external":\d+,"active":\d+\}`} {
		body = regexp.MustCompile(re).ReplaceAllString(body, "$1*")
	}
	return body
}

// plain replaces all values that are not compared by their text with
// placeholders.
func (rp *replay) plain(body string) string {
	body = seqText.ReplaceAllStringFunc(rp.volatile(body), func(s string) string { return number(s) + "-SEQ" })
	return revText.ReplaceAllStringFunc(body, func(s string) string { return number(s) + "-REV" })
}

var rowStart = regexp.MustCompile(`\{"seq":"[^"]+",`)

// compareRows compares an answer of _changes whose rows may come in another
// order: head, tail and separators byte for byte, the rows as a set.
func (rp *replay) compareRows(order, want, got string) {
	wantRows, wantFrame := rp.split(want)
	gotRows, gotFrame := rp.split(got)
	assert.Equal(rp.t, wantFrame, gotFrame, "framing")
	require.Len(rp.t, gotRows, len(wantRows))
	if order == "set" {
		assert.ElementsMatch(rp.t, wantRows, gotRows)
		for _, row := range wantRows {
			rp.rows[gjson.Get(row, "id").String()] = gjson.Get(row, "changes").Raw
		}
		last := func(body string) string { return gjson.Get(body, "last_seq").String() }
		rp.seqs[last(want)] = last(got)
		return
	}
	for _, row := range gotRows {
		require.True(rp.t, gjson.Valid(row), row)
		id, doc := gjson.Get(row, "id").String(), gjson.Get(row, "doc")
		assert.Equal(rp.t, rp.rows[id], gjson.Get(row, "changes").Raw, "a row of the full answer")
		assert.Equal(rp.t, id, doc.Get("_id").String())
		assert.Equal(rp.t, gjson.Get(row, "changes.0.rev").String(), doc.Get("_rev").String())
	}
}

// split splits an answer into its rows, without their seqs, and its frame.
func (rp *replay) split(body string) (rows []string, frame string) {
	for line := range strings.Lines(body) {
		row := strings.TrimRight(line, ",\r\n")
		if rowStart.MatchString(row) {
			text := revText.ReplaceAllStringFunc(row, func(rev string) string {
				if ours, known := rp.revs[rev]; known {
					return ours
				}
				return rev
			})
			rows = append(rows, rowStart.ReplaceAllString(text, `{"seq":"*",`))
			line = "ROW" + line[len(row):]
		}
		frame += line
	}
	return rows, regexp.MustCompile(`"last_seq":"(\d+)-[^"]+"`).ReplaceAllString(frame, `"last_seq":"*"`)
}

func (rp *replay) headers(rec recorded, got answer) {
	want := rec.Response.Headers
	for _, name := range []string{"Cache-Control", "Content-Type"} {
		assert.Equal(rp.t, want[name], got.header.Get(name), name)
	}
	assert.Regexp(rp.t, `^CouchDB/\d+\.\d+\.\d+ \(Erlang OTP/\d+\)$`, got.header.Get("Server"))
	rp.etag(want["ETag"], got.header.Get("ETag"))
	wantLocation := strings.ReplaceAll(want["Location"], "127.0.0.1:15984", rp.host)
	assert.Equal(rp.t, wantLocation, got.header.Get("Location"))
	if wantLocation != "" {
		_, err := url.Parse(wantLocation)
		assert.NoError(rp.t, err)
	}
	assert.Equal(rp.t, want["Transfer-Encoding"] == "chunked", got.chunked, "chunked")
	length, sized := want["Content-Length"]
	if reason := deviations()[rec.Note+": Content-Length"]; reason != "" {
		rp.t.Log("not equal: Content-Length " + length + ": " + reason)
		assert.NotEqual(rp.t, length, got.header.Get("Content-Length"))
		rp.given[reason] = true
		return
	}
	if !sized {
		return
	}
	if rp.volatile(rec.Response.Body) == rec.Response.Body && len(seqText.FindString(rec.Response.Body)) == 0 {
		assert.Equal(rp.t, length, got.header.Get("Content-Length"))
	}
	if rec.Request.Method != http.MethodHead {
		assert.EqualValues(rp.t, len(got.body), got.length)
	}
}

// etag compares the form of an ETag, and the revision where it is one.
func (rp *replay) etag(want, got string) {
	form := func(tag string) string {
		tag = revText.ReplaceAllString(tag, "REV")
		return regexp.MustCompile(`^"[0-9A-Z]{20,25}"$`).ReplaceAllString(tag, `"HASH"`)
	}
	assert.Equal(rp.t, form(want), form(got), "ETag")
	if rev := revText.FindString(want); rev != "" {
		assert.Equal(rp.t, rp.revs[rev], revText.FindString(got), "ETag is the revision")
	}
}
