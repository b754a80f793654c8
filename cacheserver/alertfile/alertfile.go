// Package alertfile reads the file of --alerts: which rules are on, of which
// people are notified, their thresholds, who acts, and own rules. It is strict: an unknown key is an error that suggests the
// nearest known name, and all errors are reported together. It applies no
// rules: alerts are computed by package schema, /attention by package
// attention.
package alertfile

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Defaults returns the rules of a server without a file: all are on except the
// rule for paused jobs, which belongs to Tier-0.
func Defaults() attention.Options { return attention.Options{}.Complete() }

// TierZero returns the rules of a Tier-0 server without a file: all are on.
func TierZero() attention.Options {
	return attention.Options{Limits: schema.TierZeroLimits()}.Complete()
}

// setting is one key of one rule.
type setting struct {
	key  string
	want string
	set  func(text string) bool // false: not a valid value
}

// Parse reads a file of the form
//
//	rules:
//	  site_error: {above: 85%, notify: true}
//	  status_stall: {after: 48h, min_priority: 85000}
//	  skipped_files: {on: false, who: the data team}
//	own:
//	- {name: old_announced, query: status=announced&minAge=30d, who: the release team}
//	top: 20
//
// Settings that are not in the file stay as in defaults. The error names each
// invalid setting with its line. An empty file is valid.
func Parse(r io.Reader, defaults attention.Options) (attention.Options, error) {
	o := defaults.Complete()
	var root yaml.Node
	dec := yaml.NewDecoder(r)
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return o, nil
	case err != nil:
		return o, fmt.Errorf("not YAML: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return o, errors.New("expected one YAML document, but there is more after its end")
	}
	p := parser{o: &o}
	p.file(root.Content[0])
	return o, errors.Join(p.faults...)
}

type parser struct {
	o      *attention.Options
	faults []error
}

func (p *parser) fault(at *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("line %d: %s", at.Line, fmt.Sprintf(format, args...)))
}

func (p *parser) file(n *yaml.Node) {
	top := setting{"top", "a whole number from 1 to 1000", whole(1, 1000, func(v int64) { p.o.Top = int(v) })}
	for key, value := range p.pairs(n, "the file") {
		switch key.Value {
		case "rules":
			for rule, keys := range p.pairs(value, "rules") {
				p.rule(rule, keys)
			}
		case "own":
			p.own(value)
		case top.key:
			p.apply(top, value)
		default:
			p.unknown(key, "key", []string{"rules", "own", top.key})
		}
	}
}

func (p *parser) rule(name, n *yaml.Node) {
	if !slices.Contains(attention.RuleNames(), name.Value) {
		p.unknown(name, "rule", attention.RuleNames())
		return
	}
	known := p.settings(name.Value)
	for key, value := range p.pairs(n, name.Value) {
		i := slices.IndexFunc(known, func(s setting) bool { return s.key == key.Value })
		if i < 0 {
			p.unknown(key, "key of "+name.Value, keysOf(known))
			continue
		}
		p.apply(known[i], value)
	}
}

// settings returns the keys of one rule.
func (p *parser) settings(rule string) []setting {
	l := &p.o.Limits
	after := func(to *int64) setting {
		return setting{"after", "a time from 1s to 8760h, such as 20m or 48h", span(to)}
	}
	all := []setting{{"on", "true or false", func(text string) bool {
		l.Off = slices.DeleteFunc(slices.Clone(l.Off), func(off string) bool { return off == rule })
		if text == "false" {
			l.Off = append(l.Off, rule)
		}
		return text == "true" || text == "false"
	}}, {"notify", "true or false", func(text string) bool {
		p.o.Notify = maps.Clone(p.o.Notify) // that of the defaults stays
		p.o.Notify[rule] = text == "true"
		return text == "true" || text == "false"
	}}, {"who", "a text of at most 200 bytes", func(text string) bool {
		l.Who = maps.Clone(l.Who) // that of the defaults stays
		if l.Who == nil {
			l.Who = map[string]string{}
		}
		var who string
		ok := short(&who, 200)(text)
		l.Who[rule] = who
		return ok
	}}}
	switch rule {
	case schema.AlertSiteError:
		all = append(all, setting{"above", "a share from 0% to 100%, such as 85%", share(&l.SiteErrorRate)})
	case schema.AlertAssignedStall:
		all = append(all, after(&l.AssignedStall))
	case schema.AlertStatusStall:
		all = append(all, after(&l.StatusStall),
			setting{"min_priority", "a whole number from 1 to 999999", whole(1, 999_999, func(v int64) { p.o.HighPriority = v })})
	case schema.AlertStaleAgent:
		all = append(all, after(&l.AgentSilent))
	case schema.AlertPausedJobs:
		all = append(all, setting{"above", "a whole number from 0 to 1000000000", whole(0, 1_000_000_000, func(v int64) { l.PausedJobs = v })})
	case attention.OldData:
		all = append(all, setting{"after", "a time from 3s to 8760h, such as 15m", func(text string) bool {
			var seconds int64
			ok := span(&seconds)(text) && seconds >= 3
			if ok {
				p.o.Period = time.Duration(seconds) * time.Second / 3
			}
			return ok
		}})
	}
	return all
}

func (p *parser) apply(s setting, value *yaml.Node) {
	if value.Kind != yaml.ScalarNode || !s.set(value.Value) {
		p.fault(value, "%s %s: expected %s", s.key, found(value), s.want)
	}
}

// pairs returns the pairs of a mapping. Anything else, and a duplicate key, is
// an error.
func (p *parser) pairs(n *yaml.Node, what string) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			p.fault(n, "%s: expected keys with values, found %s", what, found(n))
			return
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if seen[key.Value] {
				p.fault(key, "%q appears twice in %s", key.Value, what)
				continue
			}
			if seen[key.Value] = true; !yield(key, value) {
				return
			}
		}
	}
}

// unknown suggests the nearest known names, and lists all of them.
func (p *parser) unknown(at *yaml.Node, what string, names []string) {
	hint := ""
	if near := wire.Near(at.Value, names, 1); len(near) > 0 {
		hint = fmt.Sprintf(" did you mean %q?", near[0])
	}
	p.fault(at, "unknown %s %.80q;%s known: %s", what, at.Value, hint, strings.Join(names, ", "))
}

func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return fmt.Sprintf("%.80q", n.Value)
}

func whole(low, high int64, set func(int64)) func(string) bool {
	return func(text string) bool {
		v, err := strconv.ParseInt(text, 10, 64)
		ok := err == nil && v >= low && v <= high
		if ok {
			set(v)
		}
		return ok
	}
}

func span(to *int64) func(string) bool {
	return func(text string) bool {
		d, err := time.ParseDuration(text)
		ok := err == nil && d >= time.Second && d <= 8760*time.Hour
		if ok {
			*to = int64(d / time.Second)
		}
		return ok
	}
}

// share needs its percent sign: 1 could mean all or a hundredth.
func share(to *float64) func(string) bool {
	return func(text string) bool {
		number, percent := strings.CutSuffix(text, "%")
		v, err := strconv.ParseFloat(number, 64)
		ok := percent && err == nil && v >= 0 && v <= 100 && !math.IsNaN(v)
		if ok {
			*to = v / 100
		}
		return ok
	}
}
