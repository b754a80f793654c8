// Package jetstream is the log of package replica on NATS JetStream: a stream for
// the entries, a key with a lifetime for the lease, an object store for the
// snapshots. Their names carry the fingerprint of what they belong to, so servers
// of another version have a log of their own. The package does not look into
// the entries.
package jetstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dmwm/wmstats/cacheserver/replica"
)

// Options of a Log. URLs or Dial, and Group, are required.
type Options struct {
	URLs        string // of the engines, separated by commas
	Credentials string // file; "": none
	Group       string // fingerprint of the servers that share the log: letters, digits and _
	Family      string // of the servers of all versions that read the same source; Group begins with it
	Copies      int    // of everything; 0: 1
	Name        string // of the connection, for people

	Log  *slog.Logger  // nil: none
	Dial []nats.Option // further options of the connection
}

// leftFor is how long entries and snapshots stay that nobody removes, as those of a
// version that no longer runs.
const leftFor = 7 * 24 * time.Hour

// answerWithin is how long a request waits for its answer: a connection may be silent
// without being closed, and the answers on one that was lost do not come. Calls that
// make many requests have it for each.
const answerWithin = 5 * time.Second

// unhurried returns a context that ends with ctx and has no deadline: the library uses
// a deadline instead of answerWithin, so one request would take all the time of a call.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	without, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return without, func() { stop(); cancel() }
}

// Log is a replica.Log. Create it with New.
type Log struct {
	o       Options
	stream  string // names
	subject string
	tail    string
	lease   string

	stored   chan replica.Stored
	released chan struct{}

	conn *nats.Conn
	js   jetstream.JetStream

	mu        sync.Mutex
	entries   jetstream.Stream
	leases    jetstream.KeyValue
	snapshots jetstream.ObjectStore
	epoch     string
	revision  uint64 // of this holder's lease, or that of its release; 0: unknown, or none
}

// New connects, or continues to try in the background.
func New(o Options) (*Log, error) {
	o.Copies = cmp.Or(o.Copies, 1)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Group == "" || !strings.HasPrefix(o.Group, o.Family) || strings.ContainsAny(o.Group, ". *>/\\") {
		return nil, fmt.Errorf("log options: invalid Group %q or Family %q", o.Group, o.Family)
	}
	l := &Log{
		o: o, stream: "WMSTATS_" + o.Group, subject: "wmstats." + o.Group + ".log", tail: "wmstats." + o.Group + ".tail", lease: "wmstats." + o.Group + ".lease",
		stored: make(chan replica.Stored, 256), released: make(chan struct{}, 1),
	}
	dial := []nats.Option{
		nats.Name("wmstats " + o.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1),
		// All calls wait while data are sent, even those whose context ends.
		nats.FlusherTimeout(answerWithin), nats.ReconnectOnFlusherError(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn("connection to the log was lost", "err", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { o.Log.Info("connected to the log again", "server", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Log.Debug("the log's connection reports", "err", err)
		}),
	}
	if o.Credentials != "" {
		dial = append(dial, nats.UserCredentials(o.Credentials))
	}
	var err error
	if l.conn, err = nats.Connect(o.URLs, append(dial, o.Dial...)...); err != nil {
		return nil, fmt.Errorf("connect to the log: %w", err)
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(answerWithin)); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("connect to the log: %w", err)
	}
	for subject, handle := range map[string]nats.MsgHandler{l.tail: l.deliver, l.lease: l.hear} {
		if _, err = l.conn.Subscribe(subject, handle); err != nil {
			l.conn.Close()
			return nil, fmt.Errorf("connect to the log: %w", err)
		}
	}
	return l, nil
}

// Close ends the connection.
func (l *Log) Close() error {
	l.conn.Close()
	return nil
}

// deliver passes on an entry that the engine has stored. Nobody waits for one that
// does not fit: it is read from the stream.
func (l *Log) deliver(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return
	}
	select {
	case l.stored <- replica.Stored{Number: number, Data: m.Data}:
	default:
	}
}

// Stored delivers entries as they are stored.
func (l *Log) Stored() <-chan replica.Stored { return l.stored }

// epochKey is the key of the epoch in the stream's metadata.
const epochKey = "wmstats_epoch"

// Open creates the parts that are missing.
func (l *Log) Open(ctx context.Context) (replica.State, error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	entries, err := l.js.Stream(ctx, l.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		entries, err = l.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: l.stream, Description: "entries of WMStats cache servers", Subjects: []string{l.subject},
			MaxAge: leftFor, Storage: jetstream.FileStorage, Replicas: l.o.Copies, Duplicates: 2 * time.Minute,
			AllowDirect: true, RePublish: &jetstream.RePublish{Source: l.subject, Destination: l.tail},
			Metadata: map[string]string{epochKey: newEpoch()},
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another server was faster
			entries, err = l.js.Stream(ctx, l.stream)
		}
	}
	if err != nil {
		return replica.State{}, fmt.Errorf("open the log: %w", err)
	}
	leases, err := open(ctx, l.js.KeyValue, l.js.CreateKeyValue, l.bucket(), jetstream.KeyValueConfig{
		Bucket: l.bucket(), Description: "lease of WMStats cache servers", TTL: replica.LeaseFor, Replicas: l.o.Copies,
		RePublish: &jetstream.RePublish{Source: "$KV." + l.bucket() + "." + leader, Destination: l.lease},
	}, jetstream.ErrBucketNotFound)
	if err != nil {
		return replica.State{}, err
	}
	snapshots, err := open(ctx, l.js.ObjectStore, l.js.CreateObjectStore, l.bucket()+snapshotsSuffix, jetstream.ObjectStoreConfig{
		Bucket: l.bucket() + snapshotsSuffix, Description: "snapshots of WMStats cache servers", TTL: leftFor, Replicas: l.o.Copies,
	}, jetstream.ErrBucketNotFound)
	if err != nil {
		return replica.State{}, err
	}
	info, err := entries.Info(ctx)
	if err != nil {
		return replica.State{}, fmt.Errorf("open the log: %w", err)
	}
	epoch := info.Config.Metadata[epochKey]
	l.mu.Lock()
	l.entries, l.leases, l.snapshots, l.epoch = entries, leases, snapshots, epoch
	l.mu.Unlock()
	return replica.State{Epoch: epoch, First: max(info.State.FirstSeq, 1), Last: info.State.LastSeq}, nil
}

func (l *Log) bucket() string { return bucketPrefix + l.o.Group }

// Names of buckets.
const (
	bucketPrefix    = "wmstats_"
	snapshotsSuffix = "_snapshots"
)

// open opens a bucket, or makes it.
func open[B, C any](ctx context.Context, get func(context.Context, string) (B, error), create func(context.Context, C) (B, error), name string, config C, missing error) (B, error) {
	bucket, err := get(ctx, name)
	if errors.Is(err, missing) {
		if bucket, err = create(ctx, config); err != nil { // perhaps another server was faster
			bucket, err = get(ctx, name)
		}
	}
	if err != nil {
		return bucket, fmt.Errorf("open the log's bucket %s: %w", name, err)
	}
	return bucket, nil
}

// newEpoch returns six letters.
func newEpoch() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}

func (l *Log) parts() (jetstream.Stream, jetstream.KeyValue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries, l.leases
}

// Append stores an entry.
func (l *Log) Append(ctx context.Context, last uint64, id string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := l.js.Publish(ctx, l.subject, data, jetstream.WithMsgID(id), jetstream.WithExpectLastSequence(last))
	if isRefused(err) {
		return fmt.Errorf("%w: %w", replica.ErrRefused, err)
	}
	if err != nil {
		return fmt.Errorf("append to the log: %w", full(err))
	}
	return nil
}

// Errors of an engine whose disk is full, or that has reached its limits.
const (
	accountResources      jetstream.ErrorCode = 10002
	insufficientResources jetstream.ErrorCode = 10023
	storageResources      jetstream.ErrorCode = 10047
	storeFailed           jetstream.ErrorCode = 10077
)

// full adds replica.ErrFull to an error that means it.
func full(err error) error {
	var of *jetstream.APIError
	if errors.As(err, &of) {
		switch of.ErrorCode {
		case accountResources, insufficientResources, storageResources, storeFailed:
			return fmt.Errorf("%w: %w", replica.ErrFull, err)
		}
	}
	return err
}

func isRefused(err error) bool {
	var of *jetstream.APIError
	return errors.As(err, &of) && (of.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || of.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Entry returns an entry.
func (l *Log) Entry(ctx context.Context, number uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	entries, _ := l.parts()
	m, err := entries.GetMsg(ctx, number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, replica.ErrNoEntry
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return m.Data, nil
}

// Last returns the number of the newest entry.
func (l *Log) Last(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	entries, _ := l.parts()
	m, err := entries.GetLastMsgForSubject(ctx, l.subject)
	if err == nil {
		return m.Sequence, nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, fmt.Errorf("read the log: %w", err)
	}
	info, err := entries.Info(ctx) // all entries are too old
	if err != nil {
		return 0, fmt.Errorf("read the log: %w", err)
	}
	return info.State.LastSeq, nil
}

// Trim removes entries. The stream has no gaps, so it is searched by halves.
func (l *Log) Trim(ctx context.Context, to uint64, before time.Time) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	entries, _ := l.parts()
	info, err := entries.Info(ctx)
	if err != nil {
		return fmt.Errorf("trim the log: %w", err)
	}
	first := info.State.FirstSeq
	if first > to || !info.State.FirstTime.Before(before) {
		return nil
	}
	kept := sort.Search(int(to-first)+1, func(i int) bool { //nolint:gosec // a number of entries
		if err != nil {
			return false
		}
		var m *jetstream.RawStreamMsg
		if m, err = entries.GetMsg(ctx, first+uint64(i)); err != nil { //nolint:gosec // from 0
			return false
		}
		return !m.Time.Before(before)
	})
	if err == nil {
		err = entries.Purge(ctx, jetstream.WithPurgeSequence(first+uint64(kept))) //nolint:gosec // from 0
	}
	if err != nil {
		return fmt.Errorf("trim the log: %w", err)
	}
	return nil
}
