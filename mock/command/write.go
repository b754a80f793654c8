package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/dmwm/wmstats/mock/flat"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/load"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func runRaw(ctx context.Context, e env) error {
	o := newOptions("raw", e)
	world := o.world(1000, "fixed")
	if err := o.parse(); err != nil {
		return err
	}
	opts := world.options(o)
	if err := o.check(); err != nil {
		return err
	}
	w, err := gen.New(opts)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(e.stdout, 256<<10)
	for doc := range w.AllParallel() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := out.Write(append(doc.Line(), '\n')); err != nil {
			return fmt.Errorf("write %s: %w", doc.ID, err)
		}
	}
	return flush(out)
}

func flush(out *bufio.Writer) error {
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func runFlat(ctx context.Context, e env) error {
	o := newOptions("flat", e)
	workflows, seed := 1000, 1
	o.Int("workflows", &workflows, "number of records")
	o.Int("seed", &seed, "seed; the same seed yields the same data")
	if err := o.parse(); err != nil {
		return err
	}
	settings.NotNegative(&o.Faults, "workflows", workflows)
	if err := o.check(); err != nil {
		return err
	}
	src, err := flat.NewSized(flat.Options{Seed: uint64(seed), Workflows: workflows})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(e.stdout, 256<<10)
	var line []byte
	for i := range workflows {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rec := src.Record(i)
		line = append(schema.AppendJSON(line[:0], &rec), '\n')
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write record %d: %w", i, err)
		}
	}
	return flush(out)
}

func runLoad(ctx context.Context, e env) error {
	o := newOptions("load", e)
	world := o.world(1000, "clock")
	var url, from string
	var create bool
	wait := loadWait
	o.Text("couch-url", &url, "`URL` of CouchDB, such as http://127.0.0.1:5984")
	o.Text("from", &from, "load the documents in this `FILE` instead (- for standard input): NDJSON as mock raw writes it, plain or gzip")
	o.Bool("create", &create, "also create databases that WMStats does not read; otherwise documents of an unknown database fail")
	o.Duration("wait", &wait, "how long to wait until CouchDB answers")
	cred := o.credentials()
	if err := o.parse(); err != nil {
		return err
	}
	opts := load.Options{URL: url, Wait: wait, Progress: e.stderr, Create: create, Near: nearest}
	opts.User, opts.Password = cred.read(o)
	worldOpts := world.options(o)
	worldOpts.Storable = true
	if url == "" {
		o.Add("--couch-url is missing: set it, such as http://127.0.0.1:5984")
	} else if err := load.CheckURL(url); err != nil {
		o.Add("--couch-url: %w", err)
	}
	settings.Positive(&o.Faults, "wait", wait)
	if err := o.check(); err != nil {
		return err
	}
	docs, closeInput, err := input(from, e.stdin, worldOpts)
	if err != nil {
		return err
	}
	defer closeInput()
	opts.Docs = docs
	sum, err := load.Run(ctx, opts)
	for _, f := range sum.Failures {
		fmt.Fprintln(e.stderr, "failed:", f)
	}
	if n := sum.Failed - len(sum.Failures); n > 0 {
		fmt.Fprintf(e.stderr, "failed: %d more\n", n)
	}
	fmt.Fprintln(e.stderr, sum)
	if err == nil && sum.Failed > 0 {
		err = fmt.Errorf("%d documents or lines were not loaded", sum.Failed)
	}
	return err
}

// nearest finds correct names that resemble a wrong one.
func nearest(name string, names []string) []string { return wire.Near(name, names, 2) }

// input opens the documents to load: generated ones, or those of a file.
func input(from string, stdin io.Reader, world gen.Options) (docs iter.Seq2[gen.Doc, error], closeInput func(), err error) {
	switch from {
	case "":
		w, err := gen.New(world)
		if err != nil {
			return nil, nil, err
		}
		return func(yield func(gen.Doc, error) bool) {
			for d := range w.AllParallel() {
				if !yield(d, nil) {
					return
				}
			}
		}, func() {}, nil
	case "-":
		return load.ReadRaw(stdin), func() {}, nil
	}
	file, err := os.Open(from)
	if err != nil {
		return nil, nil, fmt.Errorf("--from: %w", err)
	}
	return load.ReadRaw(file), func() { _ = file.Close() }, nil
}
