package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for range 600 {
		for i, p := range c.Caches {
			if leads(ctx, client, p) {
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
	return err == nil && strings.Contains(string(text), "\nwmstats_log_leader 1\n")
}

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

func freezeLeader(ctx context.Context, c *cluster.Cluster, o Options) (err error) {
	i, err := leader(ctx, c)
	if err != nil {
		return err
	}
	p := c.Caches[i]
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	err = pause(ctx, min(frozenFor, o.Length/3))
	if err := errors.Join(err, p.Signal(syscall.SIGCONT)); err != nil {
		return err
	}
	return p.Ready(ctx, readyAt(p)) //nolint:wrapcheck // it names the address
}

// fillDisk lets one engine start with less room than it has stored.
func fillDisk(ctx context.Context, c *cluster.Cluster, o Options) error {
	e := c.Engines[len(c.Engines)-1]
	for _, most := range []string{"1MB", cluster.EngineDisk} {
		e.Stop()
		if err := errors.Join(c.LimitDisk(e, most), e.Start()); err != nil {
			return err
		}
		if err := pause(ctx, o.Length/3); err != nil {
			return err
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

func stopCouch(ctx context.Context, c *cluster.Cluster, o Options) error {
	c.CouchLink.Refuse()
	defer c.CouchLink.Heal()
	return pause(ctx, min(awayFor, o.Length/2))
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
