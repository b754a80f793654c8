package settings

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
)

// Row is one setting for the documentation.
type Row struct {
	Group       string // heading; may be empty
	Flag        string // with its dashes
	Placeholder string // name of the value; empty: the flag takes none
	Variables   []string
	Default     string
	Help        string // may begin with a small letter
}

// once is the heading of the flags that print something and exit.
const once = "Print something and exit"

// Rows returns all settings in order, and at the end the flags that print something
// and exit.
func (t *Table) Rows() []Row {
	var rows, last []Row
	for _, s := range t.list {
		r := Row{Group: s.group, Flag: "--" + s.name, Placeholder: s.placeholder, Variables: s.variables, Default: s.standard, Help: s.help}
		if s.alone {
			r.Placeholder = ""
		}
		if s.variables == nil {
			r.Group, r.Default = once, ""
			last = append(last, r)
			continue
		}
		rows = append(rows, r)
	}
	return append(append(rows, last...),
		Row{Group: once, Flag: "--" + configFlag, Help: "print the options in effect, each with where it comes from: a flag, an environment variable or the default; passwords in addresses are masked"},
		Row{Group: once, Flag: "--" + versionFlag, Help: "print the version"},
		Row{Group: once, Flag: "--help", Help: "print this text; -h does the same"},
	)
}

// About returns the purpose of the program and the forms of its command line.
func (t *Table) About() (about string, forms []string) {
	return t.about, append([]string{t.program + " [flags]"}, t.forms...)
}

// WriteHelp prints the help.
func (t *Table) WriteHelp(out io.Writer) {
	about, forms := t.About()
	if about != "" {
		fmt.Fprintf(out, "%s\n\n", about)
	}
	fmt.Fprintf(out, "Usage:\n  %s\n", strings.Join(forms, "\n  "))
	if t.hasVariables() {
		fmt.Fprint(out, "\nA flag overrides the environment variable in parentheses.\n")
	}
	group := "-"
	for _, r := range t.Rows() {
		if r.Group != group {
			group = r.Group
			heading := group
			if heading == "" {
				heading = "Flags"
			}
			fmt.Fprintf(out, "\n%s:\n", heading)
		}
		fmt.Fprintf(out, "  %s\n      %s\n", strings.TrimSpace(r.Flag+" "+r.Placeholder), strings.TrimSpace(r.Help+" "+r.origin()))
	}
}

func (t *Table) hasVariables() bool {
	for _, s := range t.list {
		if s.variables != nil {
			return true
		}
	}
	return false
}

// origin describes the variables and the default of a setting, in parentheses.
func (r Row) origin() string {
	var parts []string
	if len(r.Variables) > 0 {
		parts = append(parts, strings.Join(r.Variables, " or "))
	}
	if r.Default != "" {
		parts = append(parts, fmt.Sprintf("default %q", r.Default))
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, "; ") + ")"
}

// WriteConfig prints each setting with its value and the source of the value, as
// flags that a shell can parse. Passwords in addresses are masked.
func (t *Table) WriteConfig(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range t.list {
		if s.variables == nil {
			continue // a command, not a setting
		}
		fmt.Fprintf(table, "--%s=%s\t# %s\n", s.name, shellQuoted(masked(s.value())), s.source)
	}
	_ = table.Flush() // write errors are ignored, as with Fprint
}

// masked hides possible secrets in an address: the password, a user without a
// password (it may be a token), and the query.
func masked(text string) string {
	const mask = "***"
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@") && (err != nil || u.User == nil):
		return mask
	case err != nil || u.Scheme == "" || u.Host == "":
		return text
	}
	query := ""
	if u.RawQuery != "" {
		query = "?" + mask
	}
	user := ""
	if u.User != nil {
		if _, has := u.User.Password(); has {
			user = url.User(u.User.Username()).String() + ":"
		}
		user += mask + "@"
	}
	return u.Scheme + "://" + user + u.Host + u.EscapedPath() + query
}

// shellQuoted quotes a word for a shell.
func shellQuoted(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/,%+@=", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
