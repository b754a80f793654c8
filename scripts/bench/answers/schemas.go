package answers

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// wholeJSON is the number of workflows that are read as one JSON array. With
// 20 000 the text of some forms would exceed the longest string of V8 (512 MB).
const wholeJSON = 2000

// form is one way to encode the same workflows.
type form struct {
	name   string
	append func(dst []byte, w *workflowDocs) ([]byte, error)
	// decode reads one encoded workflow into the value that a client keeps; nil:
	// no client is measured.
	decode func(line []byte) (any, error)
	// decodeAll reads a JSON array of all.
	decodeAll func(text []byte) (any, error)
}

// workflowDocs are the documents of one workflow.
type workflowDocs struct {
	request json.RawMessage
	agents  map[string]json.RawMessage // by agent
}

// forms returns four forms: the nested documents of CouchDB, whose keys are data
// (agents, sites, tasks, datasets), so that a client can only hold them as maps;
// the flat record with the fields that a list needs; flat records of everything
// in the documents; and the same without the keys that are 0.
func forms() []form {
	return []form{
		{"dynamic", appendDynamic, decodeAs[map[string]any], decodeAs[[]map[string]any]},
		{"static list", appendRecord, decodeAs[schema.Workflow], decodeAs[[]schema.Workflow]},
		{"static detail", appendStatic, decodeAs[schema.Detail], decodeAs[[]schema.Detail]},
		{name: "static detail without zeros", append: appendSparse}, // only its length is measured
	}
}

func decodeAs[T any](text []byte) (any, error) {
	v := new(T)
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return v, nil
}

// appendDynamic writes the request with its agents' documents under
// AgentJobInfo, as the old server's answer has it.
func appendDynamic(dst []byte, w *workflowDocs) ([]byte, error) {
	agents, err := json.Marshal(w.agents)
	if err != nil {
		return nil, fmt.Errorf("write a dynamic workflow: %w", err)
	}
	end := bytes.LastIndexByte(w.request, '}')
	if end < 0 {
		return nil, errors.New("write a dynamic workflow: the request is not an object")
	}
	dst = append(append(dst, w.request[:end]...), `,"AgentJobInfo":`...)
	return append(append(dst, agents...), '}'), nil
}

func flatten(w *workflowDocs) (schema.Detail, error) {
	req, err := raw.DecodeReqMgr(w.request)
	if err != nil {
		return schema.Detail{}, fmt.Errorf("flatten: %w", err)
	}
	var agents []*raw.ReportDoc
	for _, body := range w.agents {
		doc, err := raw.DecodeReport(body)
		if err != nil {
			return schema.Detail{}, fmt.Errorf("flatten: %w", err)
		}
		agents = append(agents, doc)
	}
	return raw.Flatten(req, agents), nil
}

func appendRecord(dst []byte, w *workflowDocs) ([]byte, error) {
	d, err := flatten(w)
	if err != nil {
		return nil, err
	}
	return schema.AppendJSON(dst, &d.Workflow), nil
}

func appendStatic(dst []byte, w *workflowDocs) ([]byte, error) {
	d, err := flatten(w)
	if err != nil {
		return nil, err
	}
	return schema.AppendDetail(dst, &d), nil
}

// A key that is 0, before another one and before the end. Within a text the
// quotes would be escaped.
var (
	zeroBefore = regexp.MustCompile(`"[A-Za-z]+":0,`)
	zeroLast   = regexp.MustCompile(`,?"[A-Za-z]+":0}`)
)

// appendSparse is the answer that the API could send if keys might be missing:
// readers would have to know that missing keys are 0.
func appendSparse(dst []byte, w *workflowDocs) ([]byte, error) {
	whole, err := appendStatic(nil, w)
	if err != nil {
		return nil, err
	}
	return append(dst, zeroLast.ReplaceAll(zeroBefore.ReplaceAll(whole, nil), []byte("}"))...), nil
}

// eachWorkflow hands out the raw documents of n workflows.
func eachWorkflow(n int, f func(*workflowDocs) error) error {
	world, err := gen.New(gen.Options{Seed: 1, Workflows: n, NoEdges: true, JobSummaries: -1})
	if err != nil {
		return fmt.Errorf("make documents: %w", err)
	}
	for i := range n {
		st := world.Initial(i)
		w := workflowDocs{request: world.Request(i, &st).JSON, agents: map[string]json.RawMessage{}}
		for k := range st.Agents {
			w.agents[world.AgentID(i, &st, k)] = world.Agent(i, &st, k).JSON
		}
		if err := f(&w); err != nil {
			return err
		}
	}
	return nil
}

// schemas compares the forms over the same workflows.
func (r *run) schemas(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "wmstats-schemas-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // leftover temporary files do no harm
	r.line("schemas: workflows, NDJSON", float64(r.Sizes[0]), "", "")
	r.line("schemas: workflows, JSON", wholeJSON, "", "")
	node := missing("node") == nil
	if !node {
		fmt.Fprintln(r.Out, "JavaScript skipped: node is not installed")
	}
	for _, f := range forms() {
		path := filepath.Join(dir, strings.ReplaceAll(f.name, " ", "-"))
		if err := r.writeForm(f, path); err != nil {
			return err
		}
		if f.decode != nil {
			if err := r.clients(ctx, f, path, node); err != nil {
				return err
			}
		}
		if err := errors.Join(os.Remove(path+".ndjson"), os.Remove(path+".json")); err != nil {
			return fmt.Errorf("remove a form: %w", err)
		}
	}
	return nil
}

// clients measures the clients that read a form.
func (r *run) clients(ctx context.Context, f form, path string, node bool) error {
	if err := r.readForm(f, path); err != nil || !node {
		return err
	}
	return r.nodeForm(ctx, f, path)
}

// countOf is how many workflows are read as NDJSON and as JSON.
func (r *run) countOf(kind string) float64 {
	if kind == "JSON" {
		return float64(min(wholeJSON, r.Sizes[0]))
	}
	return float64(r.Sizes[0])
}

// writeForm writes path.ndjson and path.json, and prints their sizes.
func (r *run) writeForm(f form, path string) (err error) {
	lines, err := newSized(path+".ndjson", "\n")
	if err != nil {
		return err
	}
	array, err := newSized(path+".json", "]\n")
	if err != nil {
		return errors.Join(err, lines.close(0))
	}
	count, record := 0, []byte(nil)
	between := []byte("[")
	err = eachWorkflow(r.Sizes[0], func(w *workflowDocs) error {
		if record, err = f.append(record[:0], w); err != nil {
			return err
		}
		if count > 0 {
			between = []byte(",\n")
			lines.write([]byte("\n"))
		}
		if count < wholeJSON {
			array.write(between)
			array.write(record)
		}
		lines.write(record)
		count++
		return nil
	})
	if err := errors.Join(err, lines.close(1), array.close(1)); err != nil {
		return err
	}
	for _, s := range []struct {
		kind string
		s    *sizedFile
	}{{"NDJSON", lines}, {"JSON", array}} {
		n := r.countOf(s.kind) * 1e3
		r.line(fmt.Sprintf("%s, %s: raw", f.name, s.kind), float64(s.s.raw)/n, "KB/workflow", "")
		r.line(fmt.Sprintf("%s, %s: gzip -6", f.name, s.kind), float64(s.s.zipped.n)/n, "KB/workflow", "")
	}
	return nil
}

// sizedFile is a file, and how long it would be compressed.
type sizedFile struct {
	file   *os.File
	buf    *bufio.Writer
	zip    *gzip.Writer
	zipped counter
	raw    int64
	end    string
	err    error
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func newSized(path, end string) (*sizedFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write a form: %w", err)
	}
	s := &sizedFile{file: file, buf: bufio.NewWriterSize(file, 1<<20), end: end}
	s.zip, err = gzip.NewWriterLevel(&s.zipped, 6)
	return s, err
}

func (s *sizedFile) write(p []byte) {
	s.raw += int64(len(p))
	_, err := s.buf.Write(p)
	_, zerr := s.zip.Write(p)
	s.err = errors.Join(s.err, err, zerr)
}

// close ends the file; with whole 0 the file is discarded.
func (s *sizedFile) close(whole int) error {
	if whole > 0 {
		s.write([]byte(s.end))
	}
	return errors.Join(s.err, s.zip.Close(), s.buf.Flush(), s.file.Close())
}

// readForm measures a client in Go: reading all, keeping all, writing all.
func (r *run) readForm(f form, path string) error {
	if err := r.readLines(f, path); err != nil {
		return err
	}
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		return fmt.Errorf("read a form: %w", err)
	}
	kept, err := r.decodeTimed(f.name, "JSON", func() (any, error) { return f.decodeAll(text) })
	if err != nil {
		return err
	}
	began := time.Now()
	if err := json.NewEncoder(io.Discard).Encode(kept); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	r.line(f.name+", JSON: Go, encode", float64(time.Since(began))/1e3/r.countOf("JSON"), "us/workflow", "")
	return nil
}

func (r *run) readLines(f form, path string) error {
	kept, err := r.decodeTimed(f.name, "NDJSON", func() (any, error) { return decodeLines(f, path+".ndjson") })
	if err != nil {
		return err
	}
	list, ok := kept.([]any)
	if !ok {
		return errors.New("decode lines: not a list")
	}
	began := time.Now()
	encoder := json.NewEncoder(io.Discard)
	for _, v := range list {
		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	r.line(f.name+", NDJSON: Go, encode", float64(time.Since(began))/1e3/r.countOf("NDJSON"), "us/workflow", "")
	return nil
}

// decodeTimed prints time, allocations and memory of decoding.
func (r *run) decodeTimed(form, kind string, decode func() (any, error)) (any, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	v, err := decode()
	took := time.Since(began)
	if err != nil {
		return nil, err
	}
	runtime.ReadMemStats(&after)
	allocs := after.Mallocs - before.Mallocs
	runtime.GC()
	runtime.ReadMemStats(&after)
	name, n := form+", "+kind, r.countOf(kind)
	r.line(name+": Go, decode", float64(took)/1e3/n, "us/workflow", "")
	r.line(name+": Go, decode, allocations", float64(allocs)/n, "1/workflow", "")
	r.line(name+": Go, memory of the decoded values", (float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e3/n, "KB/workflow", "")
	runtime.KeepAlive(v)
	runtime.KeepAlive(decode) // and the text that it reads, which existed before
	return v, nil
}

func decodeLines(f form, path string) (any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a form: %w", err)
	}
	defer func() { _ = file.Close() }() // it was read only
	var kept []any
	const longest = 64 << 20
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), longest)
	for lines.Scan() {
		v, err := f.decode(lines.Bytes())
		if err != nil {
			return nil, err
		}
		kept = append(kept, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read a form: %w", err)
	}
	return kept, nil
}

//go:embed client.js
var clientJS string

// nodeForm measures a client in JavaScript.
func (r *run) nodeForm(ctx context.Context, f form, path string) error {
	for _, kind := range []string{"NDJSON", "JSON"} {
		file := path + "." + strings.ToLower(kind)
		cmd := exec.CommandContext(ctx, "node", "--expose-gc", "--max-old-space-size=12000", "-e", clientJS, file)
		cmd.Stderr = r.Log
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("node: %w", err)
		}
		var got struct {
			Decode, Encode, Memory float64
			Failed                 string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			return fmt.Errorf("node printed %q: %w", out, err)
		}
		name := fmt.Sprintf("%s, %s: JavaScript", f.name, kind)
		if got.Failed != "" {
			fmt.Fprintf(r.Out, "%s: not possible: %s\n", name, got.Failed)
			continue
		}
		n := r.countOf(kind)
		r.line(name+", decode", got.Decode*1e3/n, "us/workflow", "")
		r.line(name+", encode", got.Encode*1e3/n, "us/workflow", "")
		r.line(name+", memory of the decoded values", got.Memory/1e3/n, "KB/workflow", "")
	}
	return nil
}
