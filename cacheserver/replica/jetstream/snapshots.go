package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dmwm/wmstats/cacheserver/replica"
)

// nameOf returns the name of a snapshot. An entry of another epoch is another one.
func nameOf(epoch string, entry uint64) string { return fmt.Sprintf("%s-%d", epoch, entry) }

// objects lists the snapshots of a bucket, of all epochs.
func objects(ctx context.Context, bucket jetstream.ObjectStore) ([]*jetstream.ObjectInfo, error) {
	list, err := bucket.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("list the log's snapshots: %w", err)
	}
	return list, nil
}

// Snapshots lists the snapshots, oldest first.
func (l *Log) Snapshots(ctx context.Context) ([]replica.Snapshot, error) {
	bucket, epoch := l.room()
	found, err := objects(ctx, bucket)
	if err != nil {
		return nil, err
	}
	var list []replica.Snapshot
	for _, o := range found {
		of, digits, _ := strings.Cut(o.Name, "-")
		if entry, err := strconv.ParseUint(digits, 10, 64); err == nil && of == epoch {
			list = append(list, replica.Snapshot{Entry: entry, At: o.ModTime})
		}
	}
	slices.SortFunc(list, func(a, b replica.Snapshot) int { return cmp.Compare(a.Entry, b.Entry) })
	return list, nil
}

// room returns where the snapshots are, and the epoch.
func (l *Log) room() (jetstream.ObjectStore, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshots, l.epoch
}

// Put stores a snapshot.
func (l *Log) Put(ctx context.Context, entry uint64, from io.Reader) error {
	bucket, epoch := l.room()
	if _, err := bucket.Put(ctx, jetstream.ObjectMeta{Name: nameOf(epoch, entry)}, from); err != nil {
		return fmt.Errorf("store a snapshot in the log: %w", full(err))
	}
	return nil
}

// Get writes a snapshot to a writer.
func (l *Log) Get(ctx context.Context, entry uint64, to io.Writer) error {
	bucket, epoch := l.room()
	return read(ctx, bucket, nameOf(epoch, entry), to)
}

// read writes an object to a writer.
func read(ctx context.Context, bucket jetstream.ObjectStore, name string, to io.Writer) (err error) {
	from, err := bucket.Get(ctx, name)
	if err != nil {
		return fmt.Errorf("read a snapshot of the log: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("read a snapshot of the log: %w", err)
	}
	return nil
}

// Remove removes a snapshot.
func (l *Log) Remove(ctx context.Context, entry uint64) error {
	bucket, epoch := l.room()
	if err := bucket.Delete(ctx, nameOf(epoch, entry)); err != nil {
		return fmt.Errorf("remove a snapshot of the log: %w", err)
	}
	return nil
}

// Other writes the newest snapshot of another epoch to a writer, from this bucket or
// that of another version.
func (l *Log) Other(ctx context.Context, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx) // of the list
	defer cancel()
	_, epoch := l.room()
	var newest time.Time
	var name string
	var from jetstream.ObjectStore
	names := l.js.ObjectStoreNames(ctx)
	for bucket := range names.Name() {
		if !strings.HasPrefix(bucket, bucketPrefix+l.o.Family) || !strings.HasSuffix(bucket, snapshotsSuffix) {
			continue
		}
		store, err := l.js.ObjectStore(ctx, bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) { // removed meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("open the log's bucket %s: %w", bucket, err)
		}
		found, err := objects(ctx, store)
		if err != nil {
			return err
		}
		for _, o := range found {
			if !strings.HasPrefix(o.Name, epoch+"-") && o.ModTime.After(newest) {
				newest, name, from = o.ModTime, o.Name, store
			}
		}
	}
	if err := names.Error(); err != nil {
		return fmt.Errorf("list the log's buckets: %w", err)
	}
	if from == nil {
		return replica.ErrNoEntry
	}
	return read(ctx, from, name, to)
}
