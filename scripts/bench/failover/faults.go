package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/scripts/cluster"
)

// Lengths of the faults that have their own; shorter where all faults are.
const (
	frozenFor = 20 * time.Second
	engineFor = 11 * time.Second
	awayFor   = time.Minute
)

func calm(context.Context, *cluster.Cluster, Options) error { return nil }

func readyAt(p *cluster.Program) string { return "http://" + p.Addr + "/readyz" }

// again starts a program and waits until it is ready.
func again(ctx context.Context, p *cluster.Program) error {
	if err := p.Start(); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	return p.Ready(ctx, readyAt(p)) //nolint:wrapcheck // it names the address
}

// rolling stops and starts the cache servers one after the other.
func rolling(ctx context.Context, c *cluster.Cluster, o Options) error {
	for _, p := range c.Caches {
		p.Stop()
		if err := again(ctx, p); err != nil {
			return err
		}
		if err := pause(ctx, o.Length/10); err != nil {
			return err
		}
	}
	return nil
}

// leader returns the number of the cache server that leads; the one that did before
// may still say so for a moment, and a server that is down says nothing.
func leader(ctx context.Context, c *cluster.Cluster) (int, error) {
	return leaderBut(ctx, c, -1)
}

// leaderBut is leader without asking one of them.
func leaderBut(ctx context.Context, c *cluster.Cluster, but int) (int, error) {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for range 600 {
		for i, p := range c.Caches {
			if i != but && leads(ctx, client, p) {
				return i, nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("no cache server leads")
}

func leads(ctx context.Context, client *http.Client, p *cluster.Program) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Addr+"/metrics", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && leading.Match(text)
}

var leading = regexp.MustCompile(`(?m)^wmstats_log_leader\{.*\} 1$`)

func killLeader(ctx context.Context, c *cluster.Cluster, o Options) error {
	return killCache(ctx, c, o, 0)
}

func killFollower(ctx context.Context, c *cluster.Cluster, o Options) error {
	return killCache(ctx, c, o, 1)
}

// killCache kills the leader, or the cache server after it.
func killCache(ctx context.Context, c *cluster.Cluster, o Options, after int) error {
	if err := pause(ctx, o.Length/10); err != nil {
		return err
	}
	i, err := leader(ctx, c)
	if err != nil {
		return err
	}
	p := c.Caches[(i+after)%len(c.Caches)]
	if err := p.Kill(); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	if err := pause(ctx, o.Length/3); err != nil {
		return err
	}
	return again(ctx, p)
}

func killEngines(ctx context.Context, c *cluster.Cluster, o Options) error {
	for _, e := range c.Engines {
		if err := pause(ctx, min(engineFor, o.Length/10)); err != nil {
			return err
		}
		if err := e.Kill(); err != nil {
			return err //nolint:wrapcheck // it names the program
		}
		if err := pause(ctx, min(engineFor, o.Length/10)); err != nil {
			return err
		}
		if err := e.Start(); err != nil {
			return err //nolint:wrapcheck // it names the program
		}
		if err := c.EngineReady(ctx, e); err != nil {
			return err //nolint:wrapcheck // it names the address
		}
	}
	return nil
}

// freezeLeader freezes the leader until another one leads, and at least for its time.
// What the frozen one reads and appends after it is woken must not be stored.
func freezeLeader(ctx context.Context, c *cluster.Cluster, o Options) error {
	i, err := leader(ctx, c)
	if err != nil {
		return err
	}
	p := c.Caches[i]
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	if err = pause(ctx, min(frozenFor, o.Length/3)); err == nil {
		_, err = leaderBut(ctx, c, i)
	}
	woken := time.Now()
	if err := errors.Join(err, p.Signal(syscall.SIGCONT)); err != nil {
		return err
	}
	if err := p.Ready(ctx, readyAt(p)); err != nil {
		return err //nolint:wrapcheck // it names the address
	}
	return wroteNothing(ctx, c, p.Name, woken)
}

// entriesAfter is how many entries after a time are looked at. They take less time
// than a lease, which the server might have again.
const entriesAfter = 10

// wroteNothing returns an error if one of the first entries after a time is by a
// server.
func wroteNothing(ctx context.Context, c *cluster.Cluster, name string, since time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("too few entries in the log"))
	defer cancel()
	for {
		by, err := c.Writers(ctx, since)
		switch {
		case err != nil:
			return err //nolint:wrapcheck // it says what failed
		case slices.Contains(by[:min(len(by), entriesAfter)], name):
			return fmt.Errorf("%s was frozen, another one led, and it has written since: entries by %s", name, strings.Join(by, ", "))
		case len(by) >= entriesAfter:
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// fillDisk lets one engine start with less room than it has stored.
func fillDisk(ctx context.Context, c *cluster.Cluster, o Options) error {
	e := c.Engines[len(c.Engines)-1]
	stored, err := c.Stored(ctx, e)
	if err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	room := stored / 2
	for _, most := range []string{strconv.FormatInt(room, 10), cluster.EngineDisk} {
		e.Stop()
		if err := errors.Join(c.LimitDisk(e, most), e.Start()); err != nil {
			return err
		}
		if err := pause(ctx, o.Length/3); err != nil {
			return err
		}
		switch stored, err = c.Stored(ctx, e); {
		case err != nil:
			return err //nolint:wrapcheck // it names the program
		case stored <= room:
			return fmt.Errorf("%s has stored %d bytes and has room for %d: it was not full", e.Name, stored, room)
		}
	}
	return c.EngineReady(ctx, e) //nolint:wrapcheck // it names the address
}

// cutOff cuts a follower off from all engines.
func cutOff(ctx context.Context, c *cluster.Cluster, o Options) error {
	i, err := leader(ctx, c)
	if err != nil {
		return err
	}
	at := (i + 1) % len(c.Caches)
	for _, l := range c.Links[at] {
		l.Cut()
	}
	err = pause(ctx, min(awayFor, o.Length/2))
	for _, l := range c.Links[at] {
		l.Heal()
	}
	if err != nil {
		return err
	}
	return c.Caches[at].Ready(ctx, readyAt(c.Caches[at])) //nolint:wrapcheck // it names the address
}

// stopCouch keeps CouchDB away until all servers have noticed, and at least for its
// time.
func stopCouch(ctx context.Context, c *cluster.Cluster, o Options) error {
	c.CouchLink.Refuse()
	defer c.CouchLink.Heal()
	if err := pause(ctx, min(awayFor, o.Length/2)); err != nil {
		return err
	}
	if err := untilStale(ctx, c, true); err != nil {
		return err
	}
	c.CouchLink.Heal()
	return untilStale(ctx, c, false)
}

// untilStale waits until all cache servers mark their answers as stale, or none.
func untilStale(ctx context.Context, c *cluster.Cluster, want bool) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for range 600 {
		n := 0
		for _, p := range c.Caches {
			if stale, err := isStale(ctx, client, p); err == nil && stale == want {
				n++
			}
		}
		if n == len(c.Caches) {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("a cache server does not answer with stale=%t", want)
}

func isStale(ctx context.Context, client *http.Client, p *cluster.Program) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Addr+"/fetch?limit=1", http.NoBody)
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", p.Name, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", p.Name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("ask %s: %w %d", p.Name, errStatus, resp.StatusCode)
	}
	return resp.Header.Get("X-Stale") != "", nil
}

// otherVersion replaces the cache servers one after the other.
func otherVersion(ctx context.Context, c *cluster.Cluster, o Options) error {
	for _, p := range c.Caches {
		p.Stop()
		p.Use(o.Other)
		if err := again(ctx, p); err != nil {
			return fmt.Errorf("the other version: %w", err)
		}
		if err := pause(ctx, o.Length/10); err != nil {
			return err
		}
	}
	return nil
}
