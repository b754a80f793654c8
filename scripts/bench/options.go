package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/scripts/bench/answers"
	"github.com/dmwm/wmstats/scripts/bench/failover"
	"github.com/dmwm/wmstats/scripts/bench/sharedlog"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// Defaults are the options without flags and environment.
func Defaults() Options {
	o := Options{
		Bin: "bin", Workflows: 20_000, Seed: 1, Changes: 500, PerSecond: 50, Checkpoint: 100_000,
		Answers:    answers.Options{Sizes: []int{20_000, 200_000, 1_000_000}, Rounds: 5, Length: 2 * time.Second},
		ScaleSizes: []int{200_000, 1_000_000}, DearSizes: []int{20_000, 1_000_000}, StoreSizes: []int{20_000, 200_000, 1_000_000},
		SharedLog: sharedlog.Options{Changes: 600, PerSecond: 10, Reports: 25}, LogSizes: []int{20_000},
		StoreTime: "100x", Bench: ".", BenchTime: "1s",
	}
	o.Failover = failover.Options{
		Cluster: cluster.Options{Engines: 3, Workflows: 5000, Live: 25}, Length: 2 * time.Minute, PerSecond: 200, Page: 100,
	}
	o.Soak.PerSecond, o.Soak.Clients = 25, 12
	o.Soak.Length, o.Soak.Warm, o.Soak.Sample, o.Soak.Promised = 20*time.Minute, time.Minute, time.Minute, 15*time.Minute-10*time.Second
	return o
}

// Settings is the table of the options; serve gets the address of --serve.
func (o *Options) Settings(serve *string) *settings.Table {
	t := settings.New("bench", "WMSTATS_BENCH_")
	t.Describe("bench measures the figures of docs/explanation/benchmarks.md. Run it in the root of the repository; \"make bench\" builds what it needs.",
		"bench answers N                       serve the API with N workflows",
		"bench profiled FILE [cache server flags]  run a cache server and write its profile to FILE")
	t.Group("Measurements")
	list(t, "sections", &o.Sections, "`SECTIONS` to run, separated by spaces or commas, of: "+strings.Join(Sections(), " ")+"; if empty, all").Or("SECTIONS")
	t.Text("bin", &o.Bin, "`FOLDER` of the programs")
	t.Text("profile", &o.Profile, "write a profile of the cache server, from its start until it is ready, to this `FILE`, for go tool pprof")
	t.Text("serve", serve, "serve the repeated world on this address and measure nothing: `HOST:PORT`")
	t.Group("Data")
	t.Int("workflows", &o.Workflows, "workflows in sections firstread, latency, ui and soak; larger numbers use a repeated world").Or("WORKFLOWS")
	t.Int("agent-docs", &o.AgentDocs, "agent documents in a repeated world; 0 for as many per workflow as mock makes")
	t.Int("agent-bytes", &o.AgentBytes, "mean length of agent documents in a repeated world; 0 for that of mock")
	t.Bool("lean", &o.Lean, "use a repeated world with small agent documents, about 2 KB each")
	t.Bool("repeat", &o.Repeat, "use a repeated world even if the stand-in could hold all documents")
	t.Text("source", &o.Source, "`URL` of a running source with --workflows workflows, such as mock couch; if empty, one is started")
	t.Int64("seed", &o.Seed, "seed of the mock data").Or("SEED")
	t.Int("content-workflows", &o.Content, "workflows in section content; 0 for as many as have 50 000 agent documents")
	t.Int("checkpoint-workflows", &o.Checkpoint, "workflows in section checkpoint").Or("CHECKPOINT")
	sizes(t, "scale", &o.ScaleSizes, 1, "numbers of workflows in section scale; 1 000 000 takes 5 minutes and 9 GB").Or("SCALE")
	sizes(t, "dear", &o.DearSizes, leastAnswers, "numbers of workflows in section dear; 1 000 000 takes 6 GB").Or("DEAR")
	sizes(t, "store", &o.StoreSizes, 1, "numbers of workflows in section store").Or("STORE")
	t.Group("Section latency")
	t.Int("changes", &o.Changes, "number of changes to measure")
	t.Int("per-second", &o.PerSecond, "changes per second")
	t.Group("Section soak")
	t.Float("soak-changes", &o.Soak.PerSecond, "documents with new content per second")
	t.Duration("soak-length", &o.Soak.Length, "how long to measure, after warming up").Or("SOAK")
	t.Duration("soak-warm", &o.Soak.Warm, "how long to warm up")
	t.Duration("soak-sample", &o.Soak.Sample, "interval between two samples of memory")
	t.Duration("soak-promised", &o.Soak.Promised, "age at which an address from a Link header is requested again")
	t.Int("soak-clients", &o.Soak.Clients, "clients, each with its own filter")
	t.Func("soak-memory", "", "--memory of the cache server, such as 512MiB; if empty, its default", func(text string) error {
		o.Soak.Flags = []string{"--memory", text}
		return nil
	}).Named("SIZE").Or("SOAK_MEMORY")
	t.Group("Section ha")
	list(t, "ha-failures", &o.Failover.Faults, "`FAILURES` of section ha, of: "+strings.Join(failover.Faults(), " ")+"; if empty, all").Or("HA_FAILURES")
	t.Duration("ha-length", &o.Failover.Length, "length of each failure").Or("HA_LENGTH")
	t.Int("ha-workflows", &o.Failover.Cluster.Workflows, "workflows in section ha").Or("HA_WORKFLOWS")
	t.Float("ha-changes", &o.Failover.Cluster.Live, "documents that change per second").Or("HA_CHANGES")
	t.Int("ha-requests", &o.Failover.PerSecond, "requests per second of scans and revalidated pages").Or("HA_REQUESTS")
	t.Group("Section log")
	sizes(t, "log-sizes", &o.LogSizes, leastLog, "numbers of workflows in section log; 200 000 takes 8 minutes and 6 GB").Or("LOG_SIZES")
	t.Int("log-changes", &o.SharedLog.Changes, "changes of request documents that are timed")
	t.Int("log-per-second", &o.SharedLog.PerSecond, "such changes per second")
	t.Int("log-reports", &o.SharedLog.Reports, "agent reports with new content per second")
	t.Group("Sections api and dear")
	sizes(t, "api-sizes", &o.Answers.Sizes, leastAnswers, "numbers of workflows in section api; most figures are measured with the first").Or("API_SIZES")
	list(t, "api-groups", &o.Answers.Only, "`GROUPS` of section api: "+strings.Join(answers.Groups(), " ")+"; if empty, all but dear").Or("API_GROUPS")
	t.Int("rounds", &o.Answers.Rounds, "rounds per measurement")
	t.Duration("length", &o.Answers.Length, "length of one round")
	t.Group("Sections of Go benchmarks")
	t.Text("store-time", &o.StoreTime, "-benchtime of section store: `TIME` or count").Or("STORETIME")
	t.Text("bench", &o.Bench, "-bench `PATTERN` of section parts").Or("BENCH")
	t.Text("bench-time", &o.BenchTime, "-benchtime of section parts: `TIME` or count").Or("BENCHTIME")
	return t
}

// ParseOptions reads flags and environment. serve is where the repeated world is
// to be served; "" measures. help gets what -h, --version and --print-config
// print; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, help io.Writer) (o Options, serve string, err error) {
	o = Defaults()
	_, err = o.Settings(&serve).Parse(args, getenv, help)
	if errors.Is(err, flag.ErrHelp) {
		return o, "", err
	}
	var f settings.Faults
	settings.Positive(&f, "workflows", o.Workflows)
	settings.Positive(&f, "checkpoint-workflows", o.Checkpoint)
	settings.Positive(&f, "changes", o.Changes)
	settings.Positive(&f, "per-second", o.PerSecond)
	settings.Positive(&f, "ha-workflows", o.Failover.Cluster.Workflows)
	settings.Positive(&f, "ha-requests", o.Failover.PerSecond)
	settings.NotNegative(&f, "ha-changes", o.Failover.Cluster.Live)
	settings.Positive(&f, "log-changes", o.SharedLog.Changes)
	settings.Positive(&f, "log-per-second", o.SharedLog.PerSecond)
	settings.NotNegative(&f, "log-reports", o.SharedLog.Reports)
	settings.NotNegative(&f, "agent-docs", o.AgentDocs)
	settings.NotNegative(&f, "agent-bytes", o.AgentBytes)
	settings.NotNegative(&f, "content-workflows", o.Content)
	settings.NotNegative(&f, "seed", o.Seed)
	o.Repeat = o.Repeat || o.Lean
	return o, serve, errors.Join(err, f.Err())
}

// leastAnswers is how many workflows the groups of package answers need.
const leastAnswers = 5000

// leastLog is how many workflows some active ones are among.
const leastLog = 100

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// list adds names with spaces or commas between.
func list(t *settings.Table, name string, to *[]string, help string) *settings.Setting {
	return t.Func(name, strings.Join(*to, " "), help, func(text string) error { *to = words(text); return nil })
}

// sizes adds numbers of workflows with spaces or commas between.
func sizes(t *settings.Table, name string, to *[]int, least int, help string) *settings.Setting {
	return t.Func(name, strings.Trim(fmt.Sprint(*to), "[]"), help, func(text string) error {
		var read []int
		for _, word := range words(text) {
			n, err := strconv.Atoi(word)
			if err != nil || n < least {
				return fmt.Errorf("want numbers from %d, with spaces or commas between", least)
			}
			read = append(read, n)
		}
		if len(read) == 0 {
			return errors.New("want at least one number")
		}
		*to = read
		return nil
	}).Named("NUMBERS")
}
