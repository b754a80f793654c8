package sharedlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// engine reads what the engine of the log has stored.
type engine struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

func dial(url string) (*engine, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return &engine{conn: conn, js: js}, nil
}

func (e *engine) close() { e.conn.Close() }

// snapshots lists the snapshots, oldest first.
func (e *engine) snapshots(ctx context.Context) (list []*jetstream.ObjectInfo, err error) {
	names := e.js.ObjectStoreNames(ctx)
	for name := range names.Name() {
		bucket, err := e.js.ObjectStore(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		found, err := bucket.List(ctx)
		if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
		list = append(list, found...)
	}
	slices.SortFunc(list, func(a, b *jetstream.ObjectInfo) int { return a.ModTime.Compare(b.ModTime) })
	if err := names.Error(); err != nil {
		return nil, fmt.Errorf("list the buckets: %w", err)
	}
	return list, nil
}

// entries returns the lengths of all entries of the log, sorted.
func (e *engine) entries(ctx context.Context) (sizes []int, err error) {
	names := e.js.StreamNames(ctx)
	for name := range names.Name() {
		if !strings.HasPrefix(name, "WMSTATS_") { // the buckets are streams too
			continue
		}
		stream, err := e.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		state := stream.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
			entry, err := stream.GetMsg(ctx, seq)
			if err != nil {
				return nil, fmt.Errorf("read entry %d: %w", seq, err)
			}
			sizes = append(sizes, len(entry.Data))
		}
	}
	if err := names.Err(); err != nil {
		return nil, fmt.Errorf("list the streams: %w", err)
	}
	slices.Sort(sizes)
	return sizes, nil
}

// disk returns the bytes that the engine has stored.
func (e *engine) disk(ctx context.Context) (uint64, error) {
	info, err := e.js.AccountInfo(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the engine what it has stored: %w", err)
	}
	return info.Store, nil
}
