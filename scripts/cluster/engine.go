package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// EngineDisk is the most that an engine stores.
const EngineDisk = "4GB"

// startEngines starts the NATS servers, and returns when they can store.
func (c *Cluster) startEngines(ctx context.Context) error {
	type ports struct{ clients, routes, health string }
	all := make([]ports, c.o.Engines)
	for i := range all {
		for _, to := range []*string{&all[i].clients, &all[i].routes, &all[i].health} {
			addr, err := address(ctx, "")
			if err != nil {
				return err
			}
			*to = addr
		}
	}
	for i, at := range all {
		name := "engine" + strconv.Itoa(i+1)
		var text strings.Builder
		fmt.Fprintf(&text, "server_name: %s\nlisten: %q\nhttp: %q\nlog_file: %q\n", name, at.clients, at.health, filepath.Join(c.dir, name+".log"))
		fmt.Fprintf(&text, "jetstream { store_dir: %q, max_memory_store: 64MB, max_file_store: %s }\n", filepath.Join(c.dir, name), EngineDisk)
		if len(all) > 1 {
			// no_advertise: the cache servers keep to the addresses of their links.
			fmt.Fprintf(&text, "cluster { name: wmstats, listen: %q, no_advertise: true, routes: [", at.routes)
			for j, other := range all {
				if j != i {
					fmt.Fprintf(&text, " %q,", "nats://"+other.routes)
				}
			}
			text.WriteString(" ] }\n")
		}
		file := c.configOf(name)
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			return fmt.Errorf("configuration of an engine: %w", err)
		}
		p, err := c.add(name, "nats-server", at.clients, "--config", file)
		if err != nil {
			return err
		}
		c.Engines, c.health = append(c.Engines, p), append(c.health, at.health)
	}
	for _, e := range c.Engines {
		if err := c.EngineReady(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// EngineReady waits until an engine can store and has what the others have.
func (c *Cluster) EngineReady(ctx context.Context, engine *Program) error {
	return engine.Ready(ctx, "http://"+c.healthOf(engine)+"/healthz")
}

// healthOf returns the address at which an engine tells about itself.
func (c *Cluster) healthOf(engine *Program) string {
	return c.health[slices.Index(c.Engines, engine)]
}

func (c *Cluster) configOf(name string) string { return filepath.Join(c.dir, name+".conf") }

// Stored returns how many bytes an engine has stored.
func (c *Cluster) Stored(ctx context.Context, engine *Program) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.healthOf(engine)+"/jsz", http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask %s what it has stored: %w", engine.Name, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask %s what it has stored: %w", engine.Name, err)
	}
	defer resp.Body.Close()
	var has struct{ Storage int64 }
	if err := json.NewDecoder(resp.Body).Decode(&has); err != nil {
		return 0, fmt.Errorf("ask %s what it has stored: %w", engine.Name, err)
	}
	return has.Storage, nil
}

// LimitDisk sets the most that an engine may store from its next start on, such as
// "1MB". An engine that holds more stores nothing.
func (c *Cluster) LimitDisk(engine *Program, most string) error {
	file := c.configOf(engine.Name)
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configuration of an engine: %w", err)
	}
	before, rest, _ := strings.Cut(string(text), "max_file_store: ")
	_, after, _ := strings.Cut(rest, " ")
	if err := os.WriteFile(file, []byte(before+"max_file_store: "+most+" "+after), 0o600); err != nil {
		return fmt.Errorf("configuration of an engine: %w", err)
	}
	return nil
}
