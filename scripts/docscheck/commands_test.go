package docscheck

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notRun has the reason why a block of commands is not run, by its page and first
// line. All other blocks of sh, python or go run against a system on mock data.
var notRun = map[string]string{
	"CONTRIBUTING.md: make run        # the whole system on invented data; Ctrl-C stops it":                                                 "starts everything, and all tests",
	"README.md: git clone https://github.com/dmwm/wmstats && cd wmstats":                                                                    "clones, and runs until Ctrl-C",
	"docs/tutorial/first-shift.md: git clone https://github.com/dmwm/wmstats && cd wmstats":                                                 "clones, and runs until Ctrl-C",
	"docs/tutorial/first-script.md: git clone https://github.com/dmwm/wmstats && cd wmstats":                                                "clones, and runs until Ctrl-C",
	"README.md: bin/cacheserver --couch-url https://couch.example/couchdb --couch-user wmstats --couch-password-file /etc/wmstats/password": "needs a CouchDB and a file of the machine",
	"docs/how-to/deploy.md: bin/cacheserver --couch-url https://couch.example/couchdb --base-path /wmstats-cache":                           "needs a CouchDB",
	"docs/how-to/deploy.md: make build": "needs a CouchDB and files of the machine",
	"docs/how-to/deploy.md: bin/uiserver --listen 10.0.0.7:8080 --identity-header X-Remote-User --trusted-peers 10.0.0.5":                                   "needs that address",
	"docs/how-to/deploy.md: kubectl create namespace wmstats":                                                                                               "needs a cluster",
	"docs/how-to/deploy.md: sudo touch /etc/wmstats/couch-password && sudo chmod 600 /etc/wmstats/couch-password":                                           "changes the machine",
	"docs/how-to/deploy.md: sudo systemctl daemon-reload":                                                                                                   "changes the machine",
	"docs/how-to/deploy.md: bin/cacheserver token uiserver 2>&1 >tokens | sed 's/.*: //' >cache-token":                                                      "needs a cluster",
	"docs/how-to/deploy.md: umask 077":                                                                                                                      "starts servers, and asks for a password",
	"docs/how-to/deploy.md: bin/cacheserver --couch-url https://couch.example/couchdb --frontend-hmac-file /etc/hmac/hmac --token-file /etc/wmstats/tokens": "needs a CouchDB and files of the machine",
	"docs/how-to/deploy.md: curl -X PUT \"$COUCH/wmstats/_security\" -H 'Content-Type: application/json' \\":                                                "changes a real CouchDB; the stand-in has no users",
	"docs/explanation/benchmarks.md: make bench SECTIONS=latency    # about a minute; bin/bench -h lists all sections and sizes":                            "takes a minute; scripts/bench has tests of its own",
	"docs/how-to/deploy.md: bin/cacheserver --couch-url https://cmsweb.example/couchdb --couch-ca /etc/grid-security/ca.pem --couch-cert /etc/proxy/proxy":  "needs a CouchDB and files of the machine",
}

// ofPrograms are the pages whose blocks start the built programs.
var ofPrograms = map[string]bool{"docs/how-to/transition.md": true}

// tools are the programs that a block needs, by its language and by its text.
func (s snippet) tools() (names []string) {
	switch s.language {
	case "python":
		return []string{"python3"}
	case "go":
		return []string{"go"}
	}
	names = []string{"bash"}
	for _, tool := range []string{"curl", "jq", "openssl", "sed", "python3"} {
		if regexp.MustCompile(`\b` + tool + `\b`).MatchString(s.text) {
			names = append(names, tool)
		}
	}
	return names
}

// snippet is a fenced block of a page.
type snippet struct {
	language, text string
	line           int
	file           string // file name that the page tells to save it as; empty: the block is run
}

var savedAs = regexp.MustCompile("Save this as `([a-z.]+)`:$")

// snippetsOf returns the blocks of a page.
func snippetsOf(t *testing.T, page string) (list []snippet) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var open *snippet
	before := "" // the last line that is not empty
	for i, line := range strings.Split(string(text), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case isFence && open == nil:
			open = &snippet{language: fence, line: i + 1}
			if m := savedAs.FindStringSubmatch(before); m != nil {
				open.file = m[1]
			}
		case isFence:
			list, open = append(list, *open), nil
		case open != nil:
			open.text += line + "\n"
		case strings.TrimSpace(line) != "":
			before = line
		}
	}
	require.Nil(t, open, "%s: a block has no end", page)
	return list
}

// TestCommandsRun: each block of commands in README.md, docs/ and the other pages
// runs unchanged and prints something. The blocks of a page run in order in one
// folder. Blocks that are not run have their reason in notRun.
func TestCommandsRun(t *testing.T) {
	system := startSystem(t)
	unused := map[string]bool{}
	for name := range notRun {
		unused[name] = true
	}
	run := 0
	for _, page := range pagesOf(t) {
		name := filepath.ToSlash(strings.TrimPrefix(page, root))
		dir, system := t.TempDir(), system
		if ofPrograms[name] {
			system = system.withPrograms(t, dir)
		}
		for _, s := range snippetsOf(t, page) {
			if s.language != "sh" && s.language != "python" && s.language != "go" {
				continue
			}
			first, _, _ := strings.Cut(strings.TrimSpace(s.text), "\n")
			if s.language == "go" && first != "package main" {
				continue // a part of a program
			}
			t.Run(name+":"+strconv.Itoa(s.line), func(t *testing.T) {
				if why, ok := notRun[name+": "+first]; ok {
					delete(unused, name+": "+first)
					t.Skip(why)
				}
				run++
				for _, tool := range s.tools() {
					if _, err := exec.LookPath(tool); err != nil {
						t.Skipf("%s is not installed", tool)
					}
				}
				if s.file != "" {
					require.NoError(t, os.WriteFile(filepath.Join(dir, s.file), []byte(s.text), 0o600))
					return
				}
				assert.NotEmpty(t, strings.TrimSpace(s.run(t, dir, system)), "the block printed nothing")
			})
		}
	}
	assert.Empty(t, unused, "reasons for blocks that no page has")
	assert.Greater(t, run, 20)
}

// run runs a block in a folder and returns what it prints.
func (s snippet) run(t *testing.T, dir string, system servers) string {
	t.Helper()
	file, command := "block.sh", []string{"bash", "-euo", "pipefail", "block.sh"}
	switch s.language {
	case "python":
		file, command = "block.py", []string{"python3", "block.py"}
	case "go":
		file, command = "block.go", []string{"go", "run", "block.go"}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(s.text), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // on a new machine `go run` builds all imports of the block
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, 5*time.Second // a child that keeps the pipe open does not block the test
	cmd.Env = append(os.Environ(), "U="+system.cache, "CACHE="+system.cache, "UI="+system.ui, "COUCH="+system.couch, "OLD="+system.old, "GOWORK=off", "GOFLAGS=", "no_proxy=*")
	cmd.Env = append(cmd.Env, system.more...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s%s", s.text, out, errors.String())
	return string(out)
}

// TestNamedTargetsExist: each `make TARGET` that a page names is in the Makefile.
func TestNamedTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(root + "Makefile")
	require.NoError(t, err)
	target := regexp.MustCompile("(?m)(?:`|^|&& )make ([a-z][a-z-]*)")
	found := 0
	for _, page := range pagesOf(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			assert.Regexp(t, `(?m)^`+m[1]+`:`, string(makefile), "%s names make %s", page, m[1])
			found++
		}
	}
	assert.Greater(t, found, 10)
}
