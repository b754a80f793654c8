package legacy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

// info handles info, which needs no data.
func (c *call) info() error {
	c.from = fromMemory
	a := c.begin(0)
	if err := a.row(property.AppendText(nil, "version: "+c.h.o.Version)); err != nil {
		return err
	}
	return a.end()
}

// procStatus handles proc_status.
func (c *call) procStatus() error {
	c.from = fromMemory
	now := c.h.o.Now()
	row, err := json.Marshal(map[string]any{"server": map[string]any{
		"pid": os.Getpid(), "time": now.Unix(), "uptime": int64(now.Sub(c.h.started).Seconds()),
	}})
	if err != nil {
		return fmt.Errorf("encode the process: %w", err)
	}
	a := c.begin(0)
	if err := a.row(row); err != nil {
		return err
	}
	return a.end()
}

// showOpenAPI sends the description of the old API.
func (c *call) showOpenAPI() error {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return errMethod
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(c.h.openapi)))
	if c.r.Method == http.MethodGet {
		_, _ = c.w.Write(c.h.openapi) // an error here is a client that left
	}
	return nil
}
