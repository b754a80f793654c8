package alertfile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// MaxOwn is the maximum number of own rules.
const MaxOwn = 200

// ruleName is the form of the name of an own rule: it is a code in records, a
// parameter and a label of metrics.
var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// own reads the list of own rules, which replaces that of the defaults.
func (p *parser) own(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "own: expected a list of rules, found %s", found(n))
		return
	}
	if len(n.Content) > MaxOwn {
		p.fault(n, "own: at most %d rules, found %d", MaxOwn, len(n.Content))
		return
	}
	p.o.Limits.Own = nil
	for _, one := range n.Content {
		p.ownRule(one)
	}
}

func (p *parser) ownRule(n *yaml.Node) {
	r := schema.OwnRule{Severity: schema.SeverityWarning}
	known := ownSettings(&r)
	given := map[string]bool{}
	for key, value := range p.pairs(n, "a rule of own") {
		i := slices.IndexFunc(known, func(s setting) bool { return s.key == key.Value })
		switch {
		case i < 0:
			p.unknown(key, "key of a rule of own", keysOf(known))
		case key.Value == "query":
			r.Query = value.Value
			if err := queryFault(value); err != nil {
				p.fault(value, "query %s: %v", found(value), err)
			}
		default:
			p.apply(known[i], value)
			if key.Value == "name" {
				p.uniqueName(value)
			}
		}
		given[key.Value] = true
	}
	for _, key := range []string{"name", "query"} {
		if n.Kind == yaml.MappingNode && !given[key] {
			p.fault(n, "a rule of own has no %s", key)
		}
	}
	if r.Title == "" {
		r.Title = r.Name
	}
	p.o.Limits.Own = append(p.o.Limits.Own, r)
}

// uniqueName reports a name that a rule has already.
func (p *parser) uniqueName(value *yaml.Node) {
	if slices.Contains(attention.RuleNames(), value.Value) {
		p.fault(value, "name %q is that of a rule of the server", value.Value)
	}
	if _, twice := p.o.Limits.OwnRule(value.Value); twice {
		p.fault(value, "name %q appears twice", value.Value)
	}
}

// queryFault says why a query is not valid.
func queryFault(value *yaml.Node) error {
	if value.Kind != yaml.ScalarNode || value.Value == "" {
		return errors.New("expected filters of /fetch, such as status=announced&minAge=30d")
	}
	_, err := ownrules.Compile([]schema.OwnRule{{Query: value.Value}})
	var p *wire.Problem
	if !errors.As(err, &p) {
		return errors.Unwrap(err)
	}
	if len(p.DidYouMean) > 0 {
		return fmt.Errorf("%w; did you mean %q?", p, p.DidYouMean[0])
	}
	return p
}

func ownSettings(r *schema.OwnRule) []setting {
	return []setting{
		{"name", "lower-case letters, digits and _, at most 40, a letter first", func(text string) bool {
			r.Name = text
			return ruleName.MatchString(text)
		}},
		{"title", "a text of at most 80 bytes", short(&r.Title, 80)},
		{"query", "", nil},
		{"for", "a time from 0s to 8760h, such as 6h", func(text string) bool {
			d, err := time.ParseDuration(text)
			r.For = int64(d / time.Second)
			return err == nil && d >= 0 && d <= 8760*time.Hour && d%time.Second == 0
		}},
		{"severity", "error or warning", func(text string) bool {
			r.Severity = text
			return text == schema.SeverityError || text == schema.SeverityWarning
		}},
		{"who", "a text of at most 200 bytes", short(&r.Who, 200)},
		{"notify", "true or false", func(text string) bool {
			r.Notify = text == "true"
			return text == "true" || text == "false"
		}},
	}
}

func keysOf(settings []setting) (keys []string) {
	for _, s := range settings {
		keys = append(keys, s.key)
	}
	return keys
}

// short reads a text that is not empty.
func short(to *string, most int) func(string) bool {
	return func(text string) bool {
		*to = text
		return text != "" && len(text) <= most
	}
}
