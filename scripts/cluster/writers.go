package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Writers returns which cache servers have written the entries of the log since a
// time, oldest first. The id of an entry begins with the epoch and the name of the
// server.
func (c *Cluster) Writers(ctx context.Context, since time.Time) (names []string, err error) {
	var urls []string
	for _, e := range c.Engines {
		urls = append(urls, "nats://"+e.Addr)
	}
	conn, err := nats.Connect(strings.Join(urls, ","), nats.Name("writers"))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	streams := js.StreamNames(ctx)
	for name := range streams.Name() {
		if strings.HasPrefix(name, "WMSTATS_") {
			by, err := writersOf(ctx, js, name, since)
			if err != nil {
				return nil, err
			}
			names = append(names, by...)
		}
	}
	if err := streams.Err(); err != nil {
		return nil, fmt.Errorf("list the logs: %w", err)
	}
	return names, nil
}

// writersOf reads one log from its end.
func writersOf(ctx context.Context, js jetstream.JetStream, name string, since time.Time) (names []string, err error) {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the log %s: %w", name, err)
	}
	for number := stream.CachedInfo().State.LastSeq; number > 0; number-- {
		m, err := stream.GetMsg(ctx, number)
		if err != nil {
			return nil, fmt.Errorf("read entry %d of the log: %w", number, err)
		}
		if m.Time.Before(since) {
			break
		}
		id := strings.Fields(m.Header.Get(jetstream.MsgIDHeader))
		if len(id) < 2 {
			return nil, fmt.Errorf("entry %d of the log has the id %q", number, id)
		}
		names = append(names, id[1])
	}
	slices.Reverse(names)
	return names, nil
}
