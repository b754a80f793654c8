package monitoring

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/reference"
)

// known has the values of each label of each series that the servers have at their
// start.
type known map[string]map[string][]string

// ofScrape are the labels that Prometheus adds to every series.
var ofScrape = []string{"instance", "job"}

// open are labels whose values at the start are only some of those that may come.
var open = []string{"code", "method", "reason"}

func metricsOfServers(t *testing.T) known {
	t.Helper()
	cache, err := reference.CacheServerMetrics()
	require.NoError(t, err)
	ui, err := reference.UIServerMetrics()
	require.NoError(t, err)
	all := known{"up": {}}
	for _, f := range slices.Concat(cache, ui) {
		labels := map[string][]string{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		if f.GetType() != dto.MetricType_HISTOGRAM {
			all[f.GetName()] = labels
			continue
		}
		all[f.GetName()+"_sum"], all[f.GetName()+"_count"] = labels, labels
		withBound := map[string][]string{"le": nil}
		for name, values := range labels {
			withBound[name] = values
		}
		all[f.GetName()+"_bucket"] = withBound
	}
	return all
}

// problems returns what an expression names that no server has: a rule with such a
// name never fires, and Prometheus does not report it.
func (k known) problems(expression string) (list []string) {
	expression = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(expression)
	parsed, err := metricsql.Parse(expression)
	if err != nil {
		return []string{err.Error()}
	}
	allowed := slices.Clone(ofScrape) // in "by"
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		selector, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		for _, filters := range selector.LabelFilterss {
			labels := map[string][]string{}
			for _, f := range filters {
				if f.Label == "__name__" {
					if labels, ok = k[f.Value]; !ok {
						list = append(list, "no metric "+f.Value)
						return
					}
				}
			}
			for name := range labels {
				allowed = append(allowed, name)
			}
			for _, f := range filters {
				values, ok := labels[f.Label]
				switch {
				case f.Label == "__name__" || slices.Contains(ofScrape, f.Label):
				case !ok:
					list = append(list, "no label "+f.Label+" in "+expression)
				case !slices.Contains(open, f.Label) && !f.IsNegative && !matches(f, values):
					list = append(list, "no "+f.Label+" is "+f.Value+" in "+expression)
				}
			}
		}
	})
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		a, ok := e.(*metricsql.AggrFuncExpr)
		if !ok {
			return
		}
		for _, name := range a.Modifier.Args {
			if !slices.Contains(allowed, name) {
				list = append(list, "no label "+name+" in "+expression)
			}
		}
	})
	return list
}

// matches tells whether each alternative of a filter is a value of the label.
func matches(f metricsql.LabelFilter, values []string) bool {
	alternatives := []string{regexp.QuoteMeta(f.Value)}
	if f.IsRegexp {
		alternatives = strings.Split(f.Value, "|")
	}
	for _, one := range alternatives {
		pattern, err := regexp.Compile("^(?:" + one + ")$")
		if err != nil || !slices.ContainsFunc(values, pattern.MatchString) {
			return false
		}
	}
	return true
}

// TestProblems: the check finds each kind of error.
func TestProblems(t *testing.T) {
	k := metricsOfServers(t)
	for expression, want := range map[string]string{
		`wmstats_source_stale == 1`: "",
		`sum by (instance, le) (rate(wmstats_follower_lag_seconds_bucket[5m]))`:                                  "",
		`wmstats_ondemand_total{outcome=~"failed|backoff"}`:                                                      "",
		`sum by (code) (rate(wmstats_http_requests_total{code=~"5..",instance=~"$instance"}[$__rate_interval]))`: "",
		`wmstats_sauce_stale == 1`:                            "no metric",
		`wmstats_follower_lag_seconds > 1`:                    "no metric",
		`wmstats_source_stale{database="a"} == 1`:             "no label database",
		`sum by (agent) (wmstats_workflows)`:                  "no label agent",
		`wmstats_ondemand_total{outcome=~"failed|backwards"}`: "no outcome",
		`sum(`: "parse",
	} {
		found := strings.Join(k.problems(expression), "; ")
		if want == "" {
			assert.Empty(t, found, expression)
		} else {
			assert.Contains(t, found, want, expression)
		}
	}
}
