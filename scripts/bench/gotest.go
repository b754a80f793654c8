package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// runStore measures the section store: the store alone, processor time, at each size.
func runStore(ctx context.Context, o Options) error {
	for _, n := range o.StoreSizes {
		fmt.Fprintf(o.Out, "# the store alone, %d workflows, processor time\n", n)
		cmd := exec.CommandContext(ctx, "go", "test", "-C", "cacheserver", "-run=^$", "-timeout=1h", "-benchtime="+o.StoreTime,
			"-bench=Publish|Search|Filter|Facets|Sort|Page|StitchedSize|WarmMemory|ReaderPause|OwnRules", "./store")
		cmd.Env = append(os.Environ(), "WMSTATS_BENCH_N="+strconv.Itoa(n))
		s := storeFigures{out: o.Out, n: n, cost: map[string]float64{}}
		if err := eachLine(cmd, o.Log, s.line); err != nil {
			return fmt.Errorf("measure the store: %w", err)
		}
		s.ratios()
	}
	return nil
}

// runParts runs the benchmarks beside the code.
func runParts(ctx context.Context, o Options) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench="+o.Bench, "-benchtime="+o.BenchTime, "-benchmem", "work")
	frame := regexp.MustCompile(`^(PASS|ok|\?|goos|goarch)`)
	err := eachLine(cmd, o.Log, func(line string) {
		if !frame.MatchString(line) {
			fmt.Fprintln(o.Out, line)
		}
	})
	if err != nil {
		return fmt.Errorf("run the benchmarks of the parts: %w", err)
	}
	return nil
}

// eachLine runs a program and calls f with each line that it prints.
func eachLine(cmd *exec.Cmd, log io.Writer, f func(line string)) error {
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the output of %s: %w", cmd.Path, err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return nil
}

// storeFigures turns the lines of the store's benchmarks into figures.
type storeFigures struct {
	out  io.Writer
	n    int                // workflows
	cost map[string]float64 // processor time in microseconds, by benchmark
}

var benchmarkLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)`)

func (s *storeFigures) line(text string) {
	m := benchmarkLine.FindStringSubmatch(text)
	if m == nil {
		return
	}
	name, fields := m[1], strings.Fields(m[2])
	for i := 0; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			continue
		}
		switch unit := fields[i+1]; unit {
		case "cpu-us/op":
			s.cost[name] = value
			if !strings.HasPrefix(name, "Publish/") {
				s.show(name, value, "us", storeBar(name))
			}
		case "s/file":
			s.show(name+"/elapsed", value, "s", "10")
		case "longest-ms":
			s.show(name+"/longest", value, "ms", "20")
		case "p99.9-ms":
			s.show(name+"/p99.9", value, "ms", "")
		case "of-gzip-6", "RSS/encoded":
			s.show(name, value, unit, storeBar(name))
		case "B/page":
			s.show(name, value, unit, "")
		}
	}
}

// ratios prints figures that are computed from several benchmarks.
func (s *storeFigures) ratios() {
	if change, ok := s.cost["Publish/change"]; ok {
		s.show("publish-beyond-encoding", change-s.cost["Publish/encoding"], "us", "50")
	}
	if with, ok := s.cost["OwnRules/with"]; ok {
		const changes = 25 // a second
		s.show("own-rules-core", changes*(with-s.cost["OwnRules/without"])/1e6*100, "%", "5")
	}
	for _, page := range []string{"odd", "hot"} {
		if own := s.cost["Page/"+page]; own > 0 {
			s.show("naive-to-"+page+"-page", s.cost["Page/naive"]/own, "times", "")
		}
	}
}

func (s *storeFigures) show(name string, value float64, unit, most string) {
	if most != "" {
		most = "at most " + most
	}
	figures.Line(s.out, fmt.Sprintf("store %d %s", s.n, name), value, unit, most)
}

// storeBar returns the target of a benchmark of the store; "" for none.
func storeBar(name string) string {
	group, _, _ := strings.Cut(name, "/")
	switch {
	case strings.HasSuffix(name, "Memory"), name == "ReaderPause":
		return "1.6"
	case group == name:
		return ""
	}
	return map[string]string{
		"Search": "30000", "Sort": "20000", "SortAgain": "20000", "Filter": "5000", "Facets": "20000", "StitchedSize": "1.1",
	}[group]
}
