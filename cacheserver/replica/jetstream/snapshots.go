package jetstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
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

// Names of the stream of an object store, and of the subjects of the parts of an object and
// of its description.
const (
	objectStream = "OBJ_%s"
	objectParts  = "$O.%s.C.%s"
	objectInfo   = "$O.%s.M."
)

// objects lists the snapshots of a bucket whose names are selected. The library's own list
// waits for a message that is marked as the last one, without a limit of time.
func (l *Log) objects(ctx context.Context, bucket jetstream.ObjectStore, in string, selects func(name string) bool) ([]*jetstream.ObjectInfo, error) {
	stream, err := l.js.Stream(ctx, fmt.Sprintf(objectStream, in))
	if err != nil {
		return nil, fmt.Errorf("list the log's snapshots: %w", err)
	}
	prefix := fmt.Sprintf(objectInfo, in)
	all, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, fmt.Errorf("list the log's snapshots: %w", err)
	}
	var list []*jetstream.ObjectInfo
	for subject := range all.State.Subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, prefix))
		if err != nil || !selects(string(name)) {
			continue
		}
		o, err := bucket.GetInfo(ctx, string(name))
		if errors.Is(err, jetstream.ErrObjectNotFound) { // removed
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the log's snapshots: %w", err)
		}
		list = append(list, o)
	}
	return list, nil
}

// Snapshots lists the snapshots, oldest first.
func (l *Log) Snapshots(ctx context.Context) ([]replica.Snapshot, error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	bucket, epoch := l.room()
	found, err := l.objects(ctx, bucket, l.bucket()+snapshotsSuffix, func(name string) bool { return strings.HasPrefix(name, epoch+"-") })
	if err != nil {
		return nil, err
	}
	var list []replica.Snapshot
	for _, o := range found {
		_, digits, _ := strings.Cut(o.Name, "-")
		if entry, err := strconv.ParseUint(digits, 10, 64); err == nil {
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
	ctx, cancel := unhurried(ctx)
	defer cancel()
	bucket, epoch := l.room()
	return l.read(ctx, bucket, l.bucket()+snapshotsSuffix, nameOf(epoch, entry), to)
}

// read writes an object to a writer.
func (l *Log) read(ctx context.Context, bucket jetstream.ObjectStore, in, name string, to io.Writer) error {
	info, err := bucket.GetInfo(ctx, name)
	if err == nil {
		err = l.readParts(ctx, in, info, to)
	}
	if errors.Is(err, jetstream.ErrObjectNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		err = fmt.Errorf("%w: %w", replica.ErrNoEntry, err)
	}
	if err != nil {
		return fmt.Errorf("read a snapshot of the log: %w", err)
	}
	return nil
}

// readParts requests one part after the other. The library waits, whatever becomes of ctx,
// for a part that may never come, because the object was removed or the connection has
// become silent.
func (l *Log) readParts(ctx context.Context, in string, info *jetstream.ObjectInfo, to io.Writer) error {
	parts, err := l.js.Stream(ctx, fmt.Sprintf(objectStream, in))
	if err != nil {
		return fmt.Errorf("open its bucket: %w", err)
	}
	subject, digest, last := fmt.Sprintf(objectParts, in, info.NUID), sha256.New(), uint64(0)
	for n := range info.Chunks {
		m, err := parts.GetMsg(ctx, last+1, jetstream.WithGetMsgSubject(subject))
		if err != nil {
			return fmt.Errorf("part %d of %d: %w", n+1, info.Chunks, err)
		}
		if _, err := to.Write(m.Data); err != nil {
			return fmt.Errorf("write it: %w", err)
		}
		digest.Write(m.Data)
		last = m.Sequence
	}
	if jetstream.GetObjectDigestValue(digest) != info.Digest {
		return replica.ErrDamaged
	}
	return nil
}

// Remove removes a snapshot, with the mark that the library leaves of it.
func (l *Log) Remove(ctx context.Context, entry uint64) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	bucket, epoch := l.room()
	name, in := nameOf(epoch, entry), l.bucket()+snapshotsSuffix
	err := bucket.Delete(ctx, name)
	if err == nil {
		var stream jetstream.Stream
		if stream, err = l.js.Stream(ctx, fmt.Sprintf(objectStream, in)); err == nil {
			mark := fmt.Sprintf(objectInfo, in) + base64.URLEncoding.EncodeToString([]byte(name))
			err = stream.Purge(ctx, jetstream.WithPurgeSubject(mark))
		}
	}
	if err != nil {
		return fmt.Errorf("remove a snapshot of the log: %w", err)
	}
	return nil
}

// Other writes the newest snapshot of another epoch to a writer, from this bucket or
// that of another version.
func (l *Log) Other(ctx context.Context, to io.Writer) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	buckets, err := l.family(ctx)
	if err != nil {
		return err
	}
	_, epoch := l.room()
	var newest time.Time
	var name, in string
	var from jetstream.ObjectStore
	for _, bucket := range buckets {
		store, err := l.js.ObjectStore(ctx, bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) { // removed meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("open the log's bucket %s: %w", bucket, err)
		}
		found, err := l.objects(ctx, store, bucket, func(name string) bool { return !strings.HasPrefix(name, epoch+"-") })
		if err != nil {
			return err
		}
		for _, o := range found {
			if o.ModTime.After(newest) {
				newest, name, in, from = o.ModTime, o.Name, bucket, store
			}
		}
	}
	if from == nil {
		return replica.ErrNoEntry
	}
	return l.read(ctx, from, in, name, to)
}

// family returns the buckets of snapshots of all versions over the same source. In the
// library these requests have no deadline.
func (l *Log) family(ctx context.Context) (buckets []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	names := l.js.ObjectStoreNames(ctx)
	for bucket := range names.Name() {
		if strings.HasPrefix(bucket, bucketPrefix+l.o.Family) && strings.HasSuffix(bucket, snapshotsSuffix) {
			buckets = append(buckets, bucket)
		}
	}
	if err := names.Error(); err != nil {
		return nil, fmt.Errorf("list the log's buckets: %w", err)
	}
	return buckets, nil
}
