package filterbar_test

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"":                                "",
		"   ":                             "",
		"status:running-open":             "status=running-open",
		"status:acquired,running-open":    "status=acquired,running-open",
		"status:acquired status:new":      "status=acquired,new",
		"-site:T1_*":                      "site=!T1_*",
		"site:!T1_*,T2_CH_CERN":           "site=T2_CH_CERN,!T1_*",
		"-site:!T1_*":                     "site=T1_*",
		"prio:>90000":                     "minPriority=90001",
		"PRIORITY:>=90000 prio:<=95000":   "minPriority=90000&maxPriority=95000",
		"prio:3..9":                       "minPriority=3&maxPriority=9",
		"prio:90000,85000":                "priority=85000,90000",
		"failure:>100":                    "minFailure=101",
		"rate:>=10":                       "minFailureRate=10",
		"age:>2d":                         "minAge=2d",
		"age:<=90m":                       "maxAge=90m",
		"age:1d..2d":                      "minAge=1d&maxAge=2d",
		"createtime:>2d":                  "maxCreateTime=2d",
		"createtime:>=2026-01-01":         "minCreateTime=2026-01-01",
		"since:2026-01-01T10:00:00Z":      "since=2026-01-01T10:00:00Z",
		"until:3d":                        "minAge=3d",
		"since:2026-11-25..2026-11-28":    "since=2026-11-25&until=2026-11-28T23:59:59Z",
		"since:2026-11-25..":              "since=2026-11-25",
		"since:..2026-11-28T06:00:00Z":    "until=2026-11-28T06:00:00Z",
		"since:3d..1d":                    "maxAge=3d&minAge=1d",
		"prio:90000..":                    "minPriority=90000",
		"Prio:..110000":                   "maxPriority=110000",
		"rate:0.5..7.5":                   "minFailureRate=0.5&maxFailureRate=7.5",
		"age:1d..":                        "minAge=1d",
		"createtime:2026-11-25..":         "minCreateTime=2026-11-25",
		"createtime:..2026-11-25":         "maxCreateTime=2026-11-25T23:59:59Z",
		"createtime:1d..2d":               "maxCreateTime=1d&minCreateTime=2d",
		"has:failure -has:agent":          "has=failure,!agent",
		"has:prio":                        "has=priority",
		"name:a,b":                        "name=a,b",
		"Summer20":                        "q=Summer20",
		"two words":                       "q=two+words",
		`"two  words"`:                    `q="two++words"`,
		`two two "a phrase" `:             `q=two+"a+phrase"`,
		`"a:b"`:                           "q=a:b",
		`"say \"hi\" \\ there"`:           `q="say+\"hi\"+\\+there"`,
		`back\slash`:                      `q=back\slash`,
		`campaign:"with, comma","!x",C:D`: `campaign=with\,+comma,\!x,C:D`,
		`campaign:back\slash`:             `campaign=back\\slash`,
		"status:new Run3 prio:>5 GEN":     "status=new&q=Run3+GEN&minPriority=6",
		"/MuonEG/Run2022C-v1/RAW":         "q=/MuonEG/Run2022C-v1/RAW",
		"outputdataset:/A/B..C/*":         "outputdataset=/A/B..C/*",
		"status:running-open -site:T1_* prio:>90000 failure:>100 age:>2d text": "status=running-open&site=!T1_*&minPriority=90001&minFailure=101&minAge=2d&q=text",
	} {
		q, mistakes := filterbar.Parse(line)
		require.Empty(t, mistakes, line)
		values, err := url.ParseQuery(want)
		require.NoError(t, err)
		asked, err := wire.ParseQuery(values)
		require.NoError(t, err, want)
		assert.Equal(t, asked, q, line)
	}
}

func TestMistakes(t *testing.T) {
	for line, want := range map[string]struct{ part, text, fix string }{
		"new stauts:x":                 {"stauts:x", "not a key of the filter", "new status:x"},
		"-sitte:T1_* x":                {"-sitte:T1_*", "not a key of the filter", "-site:T1_* x"},
		"http://host":                  {"http://host", "in quotation marks", `"http://host"`},
		"prio:>lots":                   {"prio:>lots", "decimal number", ""},
		"prio:x":                       {"prio:x", "is a number", ""},
		"status:>x":                    {"status:>x", "can't be compared", ""},
		"age:2d":                       {"age:2d", "needs a comparison", "age:>2d"},
		"a age:>2":                     {"age:>2", "needs a unit", "a age:>2d"},
		"age:>2d age:>3d":              {"age:>3d", "twice", ""},
		"minpriority:3":                {"minpriority:3", "not a key of the filter", ""},
		"-prio:>3":                     {"-prio:>3", "opposite comparison", "prio:>3"},
		"-text":                        {"-text", "can't be excluded", `"-text"`},
		"status:":                      {"status:", "no value after the colon", ""},
		"status:a,,b":                  {"status:a,,b", "empty", ""},
		`a "b c`:                       {`"b c`, "not closed", `a "b c"`},
		"has:failur":                   {"has:failur", "not a field", "has:failure"},
		"-name:a":                      {"-name:a", "exact names", "-workflow:a"},
		"name:a*":                      {"name:a*", "exact names", ""},
		"a since:..":                   {"since:..", "3..9", ""},
		"since:yesterday..":            {"since:yesterday..", "must be a time", ""},
		"prio:9..3 x":                  {"prio:9..3", "range is empty", "prio:3..9 x"},
		"since:2026-11-28..2026-11-25": {"since:2026-11-28..2026-11-25", "range is empty", "since:2026-11-25..2026-11-28"},
		"since:1d..3d":                 {"since:1d..3d", "range is empty", "since:3d..1d"},
		"age:3d..1d":                   {"age:3d..1d", "range is empty", "age:1d..3d"},
		"age:1..3":                     {"age:1..3", "needs a unit", ""},
		"until:2026-11-25..2026-11-28": {"until:2026-11-25..2026-11-28", "since:", "since:2026-11-25..2026-11-28"},
		"-prio:3..9":                   {"-prio:3..9", "opposite comparison", ""},
		"prio:3..9 prio:>4":            {"prio:>4", "twice", ""},
		"prio:1..2..3":                 {"prio:1..2..3", "A range is written", ""},
		"since:yesterday":              {"since:yesterday", "must be a time", ""},
		"x failure > 100 y":            {"failure > 100", "without blanks", "x failure:>100 y"},
		"failure >100":                 {"failure >100", "without blanks", "failure:>100"},
		"Age >= 2d":                    {"Age >= 2d", "without blanks", `"Age >= 2d"`},
		"hasjobinfo:perhaps é":         {"hasjobinfo:perhaps", "true or false", ""},
	} {
		_, mistakes := filterbar.Parse(line)
		require.Len(t, mistakes, 1, line)
		m := mistakes[0]
		assert.Equal(t, want.part, line[m.From:m.To], line)
		assert.Contains(t, m.Text, want.text, line)
		if want.fix != "" {
			assert.Contains(t, m.Fixes, want.fix, line)
		}
		for _, fix := range m.Fixes {
			if line != "status:>x" && line != "age:>2" {
				_, left := filterbar.Parse(fix)
				assert.Empty(t, left, "the suggestion %q for %q", fix, line)
			}
		}
	}
	for _, line := range []string{"a > b", "failure > lots", "failure >", "> 100", "status > 100"} {
		_, mistakes := filterbar.Parse(line)
		assert.Empty(t, mistakes, "words to search for: %s", line)
	}
	_, mistakes := filterbar.Parse("stauts:x ok prio:>y")
	assert.Len(t, mistakes, 2, "all mistakes are reported together")
}

func TestFormat(t *testing.T) {
	for query, want := range map[string]string{
		"":                                  "",
		"minPriority=90001":                 "prio:>90000",
		"minPriority=90000":                 "prio:>=90000",
		"minFailure=1":                      "failure:>0",
		"maxFailure=9":                      "failure:<10",
		"minFailureRate=10":                 "rate:>=10",
		"minFailureRate=10.000000000000002": "rate:>10",
		"minAge=2d&site=!T1_*,T2_US_*":      "site:T2_US_* -site:T1_* age:>2d",
		"since=2026-01-01":                  "since:2026-01-01",
		"since=2026-11-25&until=2026-11-28T23:59:59Z": "since:2026-11-25..2026-11-28",
		"since=2026-11-25&until=2026-11-28":           "since:2026-11-25..2026-11-28T00:00:00Z",
		"minPriority=90000&maxPriority=110000":        "prio:90000..110000",
		"minPriority=90001&maxPriority=110000":        "prio:>90000 prio:<=110000",
		"minAge=1d&maxAge=2d":                         "age:1d..2d",
		"minPriority=9&maxPriority=3":                 "prio:>=9 prio:<=3",
		"until=2026-01-01T10:00:00Z":                  "until:2026-01-01T10:00:00Z",
		"has=failure,!agent":                          "-has:agent has:failure",
		"q=two words":                                 "two words",
		`q="two words" x`:                             `"two words" x`,
		"q=a:b":                                       `"a:b"`,
		"q=-x":                                        `"-x"`,
		`campaign=a b,\!c`:                            `campaign:"!c","a b"`,
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		q, err := wire.ParseQuery(values)
		require.NoError(t, err)
		parts := strings.Fields(filterbar.Format(q))
		assert.ElementsMatch(t, strings.Fields(want), parts, query)
		if !strings.Contains(want, " ") {
			assert.Equal(t, want, filterbar.Format(q))
		}
	}
}

// Every condition of the API, on every field, survives the round trip.
func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{
		"a", "T1_*", "a b", "a,b", `say "x"`, `back\slash`, `\`, "!x", ">3", "<=4", "a..b", "é漢😀", "-minus", "key:value", " ", "\t", `"`, "…", "<script>",
	}
	word := func() string {
		text := words[random.IntN(len(words))]
		if random.IntN(3) == 0 {
			text += words[random.IntN(len(words))]
		}
		return text
	}
	figures := []float64{0, 1, 2, 9, 10, 99, 100, 101, 90000, 90001, -1, -5, 0.5, 10.000000000000002, 1e15, 1e300, 5e-324, 1795255205, 1767225600, 9007199254740993}
	ops := []wire.Op{wire.In, wire.NotIn, wire.Min, wire.Max, wire.MinAge, wire.MaxAge, wire.Has, wire.HasNot}
	fields := schema.Describe[schema.Workflow]()
	for range 4000 {
		var q wire.Query
		for range random.IntN(5) {
			f := fields[random.IntN(len(fields))]
			term := wire.Term{Field: f.Key, Op: ops[random.IntN(len(ops))]}
			number := f.Type == schema.Int || f.Type == schema.Float
			switch term.Op {
			case wire.In, wire.NotIn:
				for range 1 + random.IntN(3) {
					value := word()
					if number {
						value = strconv.FormatFloat(figures[random.IntN(len(figures))], 'f', -1, 64)
					} else if f.Type == schema.Bool {
						value = strconv.FormatBool(random.IntN(2) == 0)
					}
					term.Values = append(term.Values, value)
				}
			case wire.Min, wire.Max:
				if term.Number = figures[random.IntN(len(figures))]; !number {
					continue
				}
			case wire.MinAge, wire.MaxAge:
				if term.Number = float64(random.IntN(1e6)); f.Unit != "Unix s" {
					continue
				}
			}
			q.Terms = append(q.Terms, term)
		}
		if random.IntN(2) == 0 {
			q.Text = word() + word()
		}
		if random.IntN(4) == 0 {
			q.Names = []string{strings.ReplaceAll(word(), "*", "x")}
		}
		want, err := wire.ParseQuery(q.Values())
		if err != nil {
			continue // two terms of a kind
		}
		want.Limit = 0
		line := filterbar.Format(want)
		have, mistakes := filterbar.Parse(line)
		require.Empty(t, mistakes, line)
		require.Equal(t, want, have, line)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{`status:a,"b c" -site:T1_* prio:>90000 age:>2d x`, `"`, `a:"`, `prio:1..2`, "since:2026-11-25..2026-11-28 prio:..5", `age:<`, "rate:>10", "since:2d", `-`, `"a\`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		q, mistakes := filterbar.Parse(line)
		for _, m := range mistakes {
			require.True(t, 0 <= m.From && m.From <= m.To && m.To <= len(line))
			require.NotEmpty(t, m.Text)
		}
		if len(mistakes) > 0 {
			return
		}
		again, mistakes := filterbar.Parse(filterbar.Format(q))
		require.Empty(t, mistakes, filterbar.Format(q))
		require.Equal(t, q, again, filterbar.Format(q))
	})
}

// Short forms don't hide fields of the API.
func TestKeys(t *testing.T) {
	seen := map[string]int{}
	for _, key := range filterbar.Keys() {
		seen[key]++
		_, mistakes := filterbar.Parse(key + ":1")
		for _, m := range mistakes {
			assert.NotContains(t, m.Text, "not a key of the filter", key)
		}
	}
	for key, times := range seen {
		assert.LessOrEqual(t, times, 2, key)
	}
}
