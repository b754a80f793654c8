package reference

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	cacheserver "github.com/dmwm/wmstats/cacheserver/app"
	uiserver "github.com/dmwm/wmstats/uiserver/app"
)

const metricsIntro = `# Metrics

Both servers serve ` + "`/metrics`" + ` for Prometheus; ` + "`--metrics`" + ` says who may read it ([options](options.md)). This page is made by ` + "`make generate`" + `, of what a server answers that has just been started: counters and their labels are there from the start, at 0, so that ` + "`increase()`" + ` sees the first event. Beside these there are the metrics of the Go runtime (` + "`go_…`" + `) and of the process (` + "`process_…`" + `).

Times are in seconds, sizes in bytes. "…" are more values of the same kind.
`

// Metrics is the page of the metrics: those of servers that have not read anything.
func Metrics() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(metricsIntro)
	cache, err := ofCacheServer()
	if err != nil {
		return nil, fmt.Errorf("metrics of the cache server: %w", err)
	}
	pages, err := ofUIServer()
	if err != nil {
		return nil, fmt.Errorf("metrics of the UI server: %w", err)
	}
	for _, of := range []struct {
		program, note string
		families      []*dto.MetricFamily
	}{
		{"cacheserver", "Those of the checkpoint (`wmstats_checkpoint_…`) exist with `--checkpoint` only.", cache},
		{"uiserver", "", pages},
	} {
		fmt.Fprintf(&out, "\n## %s\n\n", of.program)
		if of.note != "" {
			fmt.Fprintf(&out, "%s\n\n", of.note)
		}
		head(&out, "name", "type", "labels", "meaning")
		for _, f := range of.families {
			if strings.HasPrefix(f.GetName(), "wmstats_") {
				row(&out, code(f.GetName()), strings.ToLower(f.GetType().String()), labels(f), cell(sentence(f.GetHelp())))
			}
		}
	}
	return out.Bytes(), nil
}

func ofCacheServer() (families []*dto.MetricFamily, err error) {
	folder, err := os.MkdirTemp("", "wmstats-reference-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	o := cacheserver.Defaults()
	o.Listen, o.CouchURL, o.Checkpoint = "127.0.0.1:0", "http://127.0.0.1:1", filepath.Join(folder, "checkpoint")
	o.Log = slog.New(slog.DiscardHandler)
	a, err := cacheserver.New(context.Background(), o)
	if err != nil {
		return nil, err
	}
	return gather(a.Metrics(), a.Stop)
}

func ofUIServer() ([]*dto.MetricFamily, error) {
	o, err := uiserver.ParseOptions([]string{"--listen", "127.0.0.1:0"}, func(string) string { return "" }, os.Stderr)
	if err != nil {
		return nil, err
	}
	o.Log = slog.New(slog.DiscardHandler)
	a, err := uiserver.New(o)
	if err != nil {
		return nil, err
	}
	return gather(a.Metrics(), a.Stop)
}

func gather(from prometheus.Gatherer, stop func(context.Context) error) ([]*dto.MetricFamily, error) {
	families, err := from.Gather()
	return families, errors.Join(err, stop(context.Background()))
}

// shown is how many values of a label are listed; of more only the first few are.
const shown, some = 20, 4

// labels lists the labels of a metric with their values.
func labels(f *dto.MetricFamily) string {
	values := map[string]map[string]bool{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if values[l.GetName()] == nil {
				values[l.GetName()] = map[string]bool{}
			}
			values[l.GetName()][l.GetValue()] = true
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all := slices.Sorted(maps.Keys(values[name]))
		end := ""
		if len(all) > shown {
			all, end = all[:some], ", …"
		}
		if name == "code" || name == "method" {
			end = ", …"
		}
		list = append(list, code(name)+": "+cell(strings.Join(all, ", "))+end)
	}
	return strings.Join(list, "; ")
}
