package couch

import (
	"context"
	"strconv"
	"time"
)

// A changes answer that ends normally does not prove that there are no more
// changes: a proxy may have cut it short in well-formed JSON. So the client asks
// again until an answer has no changes.
const (
	mostAnswers  = 100 // fail after so many answers that all had changes
	wordCounts   = 3   // accept after so many: a server may always have one more recent change
	askAgain     = 50 * time.Millisecond
	mostAskAgain = time.Second
)

// asking repeats changes requests up to the last change.
type asking struct {
	answers int
	wait    time.Duration
}

// next takes a finished answer with the number of its changes, and reports
// whether to ask again. It pauses before it returns true, except the first time.
func (a *asking) next(ctx context.Context, op string, changes int, t tail) (more bool, err error) {
	left, told := t.pending()
	switch a.answers++; {
	case changes == 0 && left == 0:
		return false, nil
	case a.answers > wordCounts && told && left == 0:
		return false, nil
	case a.answers == mostAnswers:
		return false, &Error{Op: op, Kind: ErrCut, Reason: "answers repeatedly ended before the last change"}
	case a.answers == 1:
		return true, nil
	}
	a.wait = min(max(2*a.wait, askAgain), mostAskAgain)
	timer := time.NewTimer(a.wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ofTransport(ctx, op, ctx.Err())
	case <-timer.C:
		return true, nil
	}
}

// pending returns how many changes the server reports after an answer; told is
// false when it does not report a number.
func (t tail) pending() (n int64, told bool) {
	n, err := strconv.ParseInt(string(t.Pending), 10, 64)
	return max(n, 0), err == nil
}

// changesNow yields the changes after since. The last pair only moves the
// position.
func (c *Client) changesNow(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) error {
	var a asking
	for {
		op, changes, t, err := c.changesOnce(ctx, db, since, o, yield)
		if err != nil {
			return err
		}
		since = seqOf(t.LastSeq)
		more := false
		if o.Limit == 0 || changes < o.Limit {
			more, err = a.next(ctx, op, changes, t)
		}
		// The changes that were found have already moved the position.
		if (!more || changes == 0) && !yield(Change{Seq: since, End: true}, nil) {
			return errStopped
		}
		if err != nil || !more {
			return err
		}
	}
}

// changesOnce yields the changes of one answer.
func (c *Client) changesOnce(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) (op string, changes int, t tail, err error) {
	s, err := c.openFeed(ctx, db, since, o)
	if err != nil {
		return "", 0, t, err
	}
	defer s.close()
	o.Alive()
	t, err = s.rows(func(raw []byte) error {
		o.Alive()
		change, err := s.pass(raw, yield)
		if change {
			changes++
		}
		return err
	}, o.Alive)
	if err == nil {
		err = t.positioned(s.op)
	}
	return s.op, changes, t, err
}

// positioned returns an error unless an answer about changes has a position.
func (t tail) positioned(op string) error {
	if len(t.LastSeq) == 0 {
		return &Error{Op: op, Kind: ErrForm, Reason: "changes without a last_seq"}
	}
	return nil
}
